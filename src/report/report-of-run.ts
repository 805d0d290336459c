import { readJournal } from '../disk/journal.ts'
import { runFiles } from '../disk/run.ts'
import { UserError } from '../errors.ts'
import { EventFile } from './event-file.ts'
import { RunReport, type RunReportOptions } from './run-report.ts'

/**
 * Writes the report, the table and the TensorBoard event file of a run that is not in training: of one trained before
 * runs had them, or whose dataset has moved. Returns the number of its epochs. Throws UserError if the run is damaged
 * or has no finished epoch.
 */
export async function reportOfRun(options: RunReportOptions): Promise<number> {
  const entries = await readJournal(runFiles(options.folder).log)
  const epochs = entries.filter(({ kind }) => kind === 'epoch').length
  if (epochs === 0)
    throw new UserError(
      `Cannot report on the run "${options.folder}": its log has no finished epoch; train it with "mia train", ` +
        'and note that a run packed by "mia card" has no log',
    )
  await (await EventFile.open(options.folder, entries)).close()
  await new RunReport(options).write(entries)
  return epochs
}
