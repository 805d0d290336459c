import { Journal, type JournalEntry, readJournal } from '../disk/journal.ts'
import { runFiles } from '../disk/run.ts'
import { EventFile } from './event-file.ts'
import { RunReport, type RunReportOptions } from './run-report.ts'

/**
 * The log of a run in training. Each entry is a line of `log.jsonl` and a record of TensorBoard's event file; after
 * that of an epoch, `results.csv` and `report.html` are written anew from all of them.
 */
export class RunLog {
  readonly #journal: Journal
  readonly #entries: JournalEntry[]
  readonly #events: EventFile
  readonly #report: RunReport

  private constructor(journal: Journal, entries: JournalEntry[], events: EventFile, report: RunReport) {
    this.#journal = journal
    this.#entries = entries
    this.#events = events
    this.#report = report
  }

  /**
   * Opens the log of a run that resumes with `step` steps and `epoch` epochs done; entries of later ones are dropped,
   * see Journal.open().
   */
  static async open(
    options: RunReportOptions,
    progress: { readonly step: number; readonly epoch: number },
  ): Promise<RunLog> {
    const { log } = runFiles(options.folder)
    const journal = await Journal.open(log, progress)
    try {
      const entries = await readJournal(log)
      return new RunLog(journal, entries, await EventFile.open(options.folder, entries), new RunReport(options))
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  /**
   * Adds an entry with the time, and brings the run's other records up to date. Throws UserError if a file cannot be
   * written, as on a full disk.
   */
  async append(entry: JournalEntry): Promise<void> {
    const timed = { ...entry, time: new Date().toISOString() }
    await this.#journal.append(timed)
    await this.#events.append(timed)
    this.#entries.push(timed)
    if (entry.kind === 'epoch') await this.#report.write(this.#entries)
  }

  /** Flushes the log to the disk and closes the files. */
  async close(): Promise<void> {
    await this.#events.close()
    await this.#journal.close()
  }
}
