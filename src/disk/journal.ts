import { constants, type FileHandle, lstat, open } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import { throwFileError } from './errno.ts'
import { readTextIfPresent, writeFileAtomic } from './files.ts'

/** One line of the log: what happened, the number of training steps before it, and its numbers. */
export interface JournalEntry {
  readonly kind: string
  readonly step: number
  readonly [field: string]: unknown
}

/** An epoch in the log. */
export interface LoggedEpoch {
  readonly epoch: number
  /** validation scores by metric; CIDEr is always among them */
  readonly scores: Readonly<Record<string, number>> & { readonly CIDEr: number }
  /** whether its weights were the best so far; of epochs with the same CIDEr only this tells which were kept */
  readonly best: boolean
}

/** A log in JSON Lines that survives a kill: at worst its last line is torn, and is dropped. */
export class Journal {
  readonly #path: string
  readonly #file: FileHandle
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /**
   * Opens the log of a run that resumes with `step` steps and `epoch` epochs done, as its checkpoint says. Entries of
   * later steps are dropped, and those of later epochs: a kill between an epoch's line and its checkpoint leaves a line
   * whose epoch is validated again. A symbolic link is replaced by a file with its content. Throws UserError, with the
   * line number, if a line is not an entry.
   */
  static async open(
    path: string,
    { step, epoch }: { readonly step: number; readonly epoch: number },
  ): Promise<Journal> {
    const { lines, torn } = await linesOf(path)
    const kept = lines.filter((_, i) => {
      const entry = parse(lines, i, path)
      return entry.step <= step && !(entry.kind === 'epoch' && Number(entry.epoch) > epoch)
    })
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink()
    if (torn || isLink || kept.length < lines.length)
      await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(''))
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants
    const flags = O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW
    return new Journal(path, await open(path, flags).catch((error) => throwFileError('write log', path, error)))
  }

  /**
   * Adds a line after those added before. When the promise resolves, the line outlives a kill of the process. Throws
   * UserError if it cannot be written, as on a full disk.
   */
  append(entry: JournalEntry): Promise<void> {
    const line = `${JSON.stringify(entry)}\n`
    const written = this.#last
      .then(() => this.#file.appendFile(line))
      .catch((error) => throwFileError('write log', this.#path, error))
    this.#last = written.catch(() => {})
    return written
  }

  /** Flushes the log to the disk and closes it. */
  async close(): Promise<void> {
    try {
      await this.#last
      await this.#file.sync()
    } finally {
      await this.#file.close()
    }
  }
}

/**
 * Returns the entries of a log, which may be in use. Throws UserError, with the line number, if a line is not an entry.
 */
export async function readJournal(path: string): Promise<JournalEntry[]> {
  const { lines } = await linesOf(path)
  return lines.map((_, i) => parse(lines, i, path))
}

/**
 * Returns the epochs in a log in order, each once. Lines that are not those of an epoch with a CIDEr score are passed
 * over: a listing of runs needs no perfect log.
 */
export async function readEpochs(path: string): Promise<LoggedEpoch[]> {
  const { lines } = await linesOf(path)
  const epochs = new Map<number, LoggedEpoch>()
  for (const line of lines) {
    const found = parseEpoch(line)
    if (found) epochs.set(found.epoch, found)
  }
  return [...epochs.values()].sort((a, b) => a.epoch - b.epoch)
}

/** The whole lines of a log. What follows the last line feed is torn. A missing log has no lines. */
async function linesOf(path: string): Promise<{ lines: string[]; torn: boolean }> {
  const lines = ((await readTextIfPresent(path, 'log')) ?? '').split('\n')
  const torn = lines.pop() !== ''
  return { lines, torn }
}

function parse(lines: readonly string[], i: number, path: string): JournalEntry {
  try {
    const entry = JSON.parse(lines[i]!)
    const { kind, step, epoch = 0 } = entry
    if (typeof kind === 'string' && Number.isInteger(step) && Number.isInteger(epoch)) return entry
  } catch {}
  throw new UserError(
    `Cannot read log "${path}": line ${i + 1} is not an entry with "kind", "step" and, if it has one, a whole ` +
      'number as "epoch"; delete that line',
  )
}

function parseEpoch(line: string): LoggedEpoch | undefined {
  try {
    const { kind, epoch, scores, best } = JSON.parse(line)
    const right = kind === 'epoch' && Number.isInteger(epoch) && Number.isFinite(scores?.CIDEr)
    return right ? { epoch, scores, best: best === true } : undefined
  } catch {
    return undefined
  }
}
