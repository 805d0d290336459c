import { defineCommand } from '../command.ts'
import { text } from '../options.ts'
import { table } from '../output.ts'

/** `mia models`: lists trained captioners. */
export const models = defineCommand({
  name: 'models',
  summary: 'list trained captioners and their scores',
  description:
    'Lists the pretrained captioner and the runs in a folder, each with its model, its dataset, the number of epochs and ' +
    'the best CIDEr on the validation images.',
  examples: [{ call: 'mia models', what: 'the pretrained captioner, and the runs in runs/' }],
  options: { runs: text('folder', 'folder with run folders', { default: 'runs' }) },
  async run({ runs }, { given, report }) {
    const { existsSync } = await import('node:fs')
    const { listRuns, readListed } = await import('../../disk/list-runs.ts')
    const { PRETRAINED } = await import('../../hosts/node/pretrained.ts')
    const pretrained = await readListed(PRETRAINED)
    const onDamaged = (run: string, { message }: Error): void => report.warn(`left out ${run}: ${message}`)
    const trained = existsSync(runs) || given.includes('runs') ? await listRuns(runs, { onDamaged }) : []
    const found = [...(pretrained ? [pretrained] : []), ...trained]
    const rows = found.map(({ run, basicModel, mia, control, data, epochs, cider, epoch }) => [
      run,
      `${basicModel}${control ? ' with self-attention (control)' : mia ? ' with MIA' : ''}`,
      data,
      `${epochs}`,
      cider === undefined ? '' : cider.toFixed(4),
      epoch === undefined ? '' : `${epoch}`,
    ])
    return {
      json: { runs: found },
      text:
        found.length === 0
          ? `No runs in ${runs}; train one with "mia train"`
          : table([['run', 'model', 'dataset', 'epochs', 'CIDEr', 'at epoch'], ...rows]),
    }
  },
})
