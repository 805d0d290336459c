import { constants, type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { throwFileError } from '../disk/errno.ts'
import { readBytes, writeFileAtomic } from '../disk/files.ts'
import type { JournalEntry } from '../disk/journal.ts'
import { runFiles } from '../disk/run.ts'
import { type SummaryEvent, summaryRecord, versionRecord } from '../formats/event-records.ts'
import { measurementsOf } from './history.ts'
import { type LoggedSample, readSamples } from './samples.ts'

/** The names of TensorBoard's event files; the suffix is ours. */
const NAME = /^events\.out\.tfevents\.\d+\.mia$/

/**
 * The TensorBoard event file of a run, in its folder. It holds what the log holds: points `train/...` of logged steps,
 * `epoch/...` and `val/...` of epochs, and the sample captions as text.
 */
export class EventFile {
  readonly #folder: string
  /** undefined before the first entry: the file's name tells when that was made */
  #file: { readonly path: string; readonly handle: FileHandle } | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Opens the event file of a run whose log has these entries. If it does not hold exactly them, as after a kill, it is
   * written anew. Throws UserError if it cannot be written.
   */
  static async open(folder: string, entries: readonly JournalEntry[]): Promise<EventFile> {
    const events = new EventFile(folder)
    const [first] = entries
    if (!first) {
      await removeOthers(folder, undefined)
      return events
    }
    const samples = await readSamples(runFiles(folder).samples)
    const untimed = await lastChange(runFiles(folder).log)
    const records = entries.map((entry) => recordOf(entry, samples.get(Number(entry.epoch)), untimed))
    const started = timeOf(first, untimed)
    const content = Buffer.concat([versionRecord(started), ...records])
    const path = pathOf(folder, started)
    const found = await readBytes(path, 'event file').catch(() => undefined)
    if (!found || !content.equals(found)) await writeFileAtomic(path, content)
    await removeOthers(folder, path)
    events.#file = { path, handle: await openToAppend(path) }
    return events
  }

  /** Adds an entry of the log, which has its time. Throws UserError if it cannot be written, as on a full disk. */
  async append(entry: JournalEntry): Promise<void> {
    const time = timeOf(entry, Date.now() / 1000)
    if (!this.#file) {
      const path = pathOf(this.#folder, time)
      await writeFileAtomic(path, versionRecord(time))
      this.#file = { path, handle: await openToAppend(path) }
    }
    const { path, handle } = this.#file
    const epoch = Number(entry.epoch)
    const samples = entry.kind === 'epoch' ? await readSamples(runFiles(this.#folder).samples, [epoch]) : undefined
    const record = recordOf(entry, samples?.get(epoch), time)
    await handle.appendFile(record).catch((error) => throwFileError('write event file', path, error))
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file?.handle.close()
  }
}

const pathOf = (folder: string, started: number): string =>
  join(folder, `events.out.tfevents.${Math.floor(started)}.mia`)

/** Seconds since 1970; `untimed` for entries of version 0.1.0, which have no time. */
const timeOf = ({ time }: JournalEntry, untimed: number): number =>
  typeof time === 'string' ? Date.parse(time) / 1000 : untimed

const lastChange = async (path: string): Promise<number> => Math.floor((await stat(path)).mtimeMs / 1000)

function openToAppend(path: string): Promise<FileHandle> {
  const { O_APPEND, O_WRONLY, O_NOFOLLOW = 0 } = constants
  return open(path, O_APPEND | O_WRONLY | O_NOFOLLOW).catch((error) => throwFileError('write event file', path, error))
}

/** Removes the run's event files but the one at `path`: TensorBoard reads all that are there as one. */
async function removeOthers(folder: string, path: string | undefined): Promise<void> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name) && join(folder, name) !== path)
  await Promise.all(names.map((name) => rm(join(folder, name))))
}

/** The record of an entry of the log; of an epoch with its sample captions. */
function recordOf(entry: JournalEntry, samples: readonly LoggedSample[] | undefined, untimed: number): Uint8Array {
  const event = { wallTime: timeOf(entry, untimed), step: entry.step }
  const scalarsOf = (group: string, fields: unknown): SummaryEvent['scalars'] =>
    Object.entries(measurementsOf(fields)).map(([name, value]) => ({ tag: `${group}/${snakeCase(name)}`, value }))
  if (entry.kind !== 'epoch') return summaryRecord({ ...event, scalars: scalarsOf('train', entry) })
  return summaryRecord({
    ...event,
    scalars: [...scalarsOf('epoch', entry), ...scalarsOf('val', entry.scores)],
    texts: samples ? [{ tag: 'val/captions', text: markdownTable(samples) }] : [],
  })
}

/** `learningRate` as `learning_rate`; names of scores stay as they are. */
const snakeCase = (name: string): string =>
  /^[a-z]/.test(name) ? name.replace(/[A-Z]/g, (at) => `_${at.toLowerCase()}`) : name

function markdownTable(samples: readonly LoggedSample[]): string {
  const rows = samples.map(({ id, caption, cider, references }) => [id, caption, cider.toFixed(2), references[0] ?? ''])
  const escaped = rows.map((row) => row.map((cell) => cell.replace(/[\\|`*_<>[\]]/g, '\\$&')))
  return [['image', 'caption', 'CIDEr', 'first reference'], ['---', '---', '---', '---'], ...escaped]
    .map((row) => `| ${row.join(' | ')} |\n`)
    .join('')
}
