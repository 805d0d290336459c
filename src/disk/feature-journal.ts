// While features are written, each finished shard is a line of `index.jsonl`: writing `index.json` anew for each would
// take time quadratic in their number. The first line has the CRC-32 of the `index.json` that the others go on from: a
// journal that is left over, by a kill after the index took it in, says nothing. What follows the last line feed is
// torn, and is dropped: its shard is made again.
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { POSITIVE_COUNT, validate } from '../validate.ts'
import { checksumOf } from './checksums.ts'
import { throwFileError } from './errno.ts'
import { readTextIfPresent } from './files.ts'

/** The schema of Shard. */
export const SHARD_SCHEMA = v.object({
  file: v.string(),
  ids: v.array(v.string()),
  /** the number of regions of each image, if the regions are boxes */
  counts: v.optional(v.array(POSITIVE_COUNT)),
})
/** The schema of an image that was skipped. */
export const SKIPPED_SCHEMA = v.object({ id: v.string(), file: v.string(), reason: v.string() })

const HEADER_SCHEMA = v.object({ format: v.literal('mia-features-journal/1'), index: v.string() })
const ENTRY_SCHEMA = v.object({ shard: v.optional(SHARD_SCHEMA), skipped: v.optional(v.array(SKIPPED_SCHEMA)) })

/** A shard that was finished, and the images that were skipped since the line before. */
export type JournalLine = v.InferOutput<typeof ENTRY_SCHEMA>

const ADVICE = 'delete that file and run "mia features" again: it makes what is missing'

/** The path of the journal of a folder of features. */
const journalFile = (folder: string): string => join(folder, 'index.jsonl')

/** What names an index: the CRC-32 of its text. */
const nameOf = (indexText: string): string => checksumOf(new TextEncoder().encode(indexText))

/** The lines of a folder's journal, whichever index they go on from. */
export interface FoundJournal {
  readonly path: string
  readonly lines: readonly string[]
}

/** Reads the journal of a folder, which another process may be writing; undefined if it has none. */
export async function findJournal(folder: string): Promise<FoundJournal | undefined> {
  const path = journalFile(folder)
  const text = await readTextIfPresent(path, 'journal of features')
  return text === undefined ? undefined : { path, lines: text.split('\n').slice(0, -1) }
}

/**
 * The entries of a journal that go on from the index with that text; none if it is of another one. Throws UserError,
 * with the line number, if a line is wrong.
 */
export function journalEntries({ path, lines }: FoundJournal, indexText: string): JournalLine[] {
  const [header, ...entries] = lines
  if (header === undefined || parseLine(HEADER_SCHEMA, header, path, 1).index !== nameOf(indexText)) return []
  return entries.map((line, i) => parseLine(ENTRY_SCHEMA, line, path, i + 2))
}

function parseLine<T>(schema: v.GenericSchema<unknown, T>, line: string, path: string, number: number): T {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new UserError(`Cannot read "${path}": line ${number} is not JSON; ${ADVICE}`)
  }
  return validate(schema, value, path, `it is in line ${number}; ${ADVICE}`)
}

/** Throws UserError, with what to do, for a shard or image of a journal that does not fit. */
export function refuseJournal({ path }: FoundJournal, fault: string): never {
  throw new UserError(`Cannot read "${path}": ${fault}; ${ADVICE}`)
}

/** Adds lines to a folder's journal; the folder is locked by the caller. */
export class FeatureJournal {
  readonly #path: string
  readonly #header: string
  #file: FileHandle | undefined
  #end = 0

  private constructor(path: string, indexText: string) {
    this.#path = path
    this.#header = JSON.stringify({ format: HEADER_SCHEMA.entries.format.literal, index: nameOf(indexText) })
  }

  /** Begins a journal that goes on from an index with that text, in place of any other. Makes no file yet. */
  static async begin(folder: string, indexText: string): Promise<FeatureJournal> {
    const journal = new FeatureJournal(journalFile(folder), indexText)
    await journal.remove()
    return journal
  }

  /**
   * Adds a line. When the promise resolves, it outlives a kill of the process. Throws UserError if it cannot be
   * written, as on a full disk; nothing of it is left then.
   */
  async append(line: JournalLine): Promise<void> {
    const parts = this.#end === 0 ? [this.#header] : []
    const bytes = Buffer.from([...parts, JSON.stringify(line)].map((each) => `${each}\n`).join(''))
    try {
      this.#file ??= await open(this.#path, 'wx') // fails if it is there, a link included
      for (let done = 0; done < bytes.length; )
        done += (await this.#file.write(bytes, done, bytes.length - done, this.#end + done)).bytesWritten
      await this.#file.datasync()
    } catch (error) {
      await this.#file?.truncate(this.#end).catch(() => {}) // at worst a torn line is left, which no reader takes
      if ((error as NodeJS.ErrnoException).code === 'EEXIST')
        throw new UserError(`Cannot write "${this.#path}": another program has made it meanwhile; delete it`)
      throwFileError('write', this.#path, error)
    }
    this.#end += bytes.length
  }

  /** Closes the file. What it holds is kept. */
  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  /** Closes the file and removes it, once an index has all that it holds. */
  async remove(): Promise<void> {
    await this.close()
    await rm(this.#path, { force: true }).catch((error) => throwFileError('remove', this.#path, error))
  }
}
