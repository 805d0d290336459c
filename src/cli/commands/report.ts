import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { text } from '../options.ts'

/** `mia report`: writes the report of a run again. */
export const report = defineCommand({
  name: 'report',
  summary: 'write the report of a run again',
  description:
    'Writes report.html, results.csv and the event file for TensorBoard into the folder of a run, as training does after ' +
    'each epoch: curves of the loss, the scores and the learning rate, and sample captions with attention. For runs that were trained before there were ' +
    'reports, or whose dataset has moved.',
  examples: [{ call: 'mia report --run runs/va-mia', what: 'writes runs/va-mia/report.html' }],
  options: {
    run: text('folder', 'run folder', { required: true }),
    data: text('folder', 'dataset folder (default: the one the run was trained on)'),
  },
  async run({ run, data }) {
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const { runFiles } = await import('../../disk/run.ts')
    const { reportOfRun } = await import('../../report/report-of-run.ts')
    const epochs = await reportOfRun({ engine: nodeEngine, folder: run, data })
    const { report: page, resultsCsv } = runFiles(run)
    return {
      json: { run, epochs, page, results: resultsCsv },
      text: `${page}: ${counted(epochs, 'epoch')}`,
    }
  },
})
