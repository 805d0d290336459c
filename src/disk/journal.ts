import { type FileHandle, open, readFile } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import { writeFileAtomic } from './files.ts'

/** One line of the log: what happened, after how many training steps, and its numbers. */
export interface JournalEntry {
  readonly kind: string
  readonly step: number
  readonly [field: string]: unknown
}

/** A log in JSON Lines that survives being killed: at worst its last line is torn, and that is dropped. */
export class Journal {
  readonly #file: FileHandle
  #last: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** Opens a log to go on after `step` steps (0 begins anew): entries of later steps, to be made again, are dropped. */
  static async open(path: string, step: number): Promise<Journal> {
    const { lines, torn } = await readLines(path)
    const kept = lines.filter((_, i) => parse(lines, i, path).step <= step)
    if (torn || kept.length < lines.length) await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(''))
    return new Journal(await open(path, 'a'))
  }

  /** Adds a line, after those added before it. It is with the system when the promise is kept, and outlives a kill. */
  append(entry: JournalEntry): Promise<void> {
    const line = `${JSON.stringify(entry)}\n`
    const written = this.#last.then(() => this.#file.appendFile(line))
    this.#last = written.catch(() => {})
    return written
  }

  /** Closes the log, on the disk. */
  async close(): Promise<void> {
    await this.#last
    await this.#file.sync()
    await this.#file.close()
  }
}

/** The entries of a log, also of one being written. Throws UserError with the number of a line that is none. */
export async function readJournal(path: string): Promise<JournalEntry[]> {
  const { lines } = await readLines(path)
  return lines.map((_, i) => parse(lines, i, path))
}

/** The whole lines of the log; what follows the last line feed was torn. */
async function readLines(path: string): Promise<{ lines: string[]; torn: boolean }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new UserError(`Cannot read log "${path}": ${error.code ?? error}`)
  })
  const lines = text.split('\n')
  const torn = lines.pop() !== ''
  return { lines, torn }
}

function parse(lines: readonly string[], i: number, path: string): JournalEntry {
  try {
    const entry = JSON.parse(lines[i]!)
    if (typeof entry.kind === 'string' && Number.isInteger(entry.step)) return entry
  } catch {}
  throw new UserError(
    `Cannot read log "${path}": line ${i + 1} is not an entry with "kind" and "step"; delete that line`,
  )
}
