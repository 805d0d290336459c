import { defineCommand } from '../command.ts'
import { text } from '../options.ts'
import { table } from '../output.ts'

export const models = defineCommand({
  name: 'models',
  summary: 'the trained captioners that are here, with their scores',
  description:
    'Lists the captioner that comes with this package and the runs in a folder: which model each is, on which data it was trained, for how many epochs, and its best CIDEr on ' +
    'the validation pictures. What is no run is passed over.',
  examples: [{ call: 'mia models', what: 'those in runs/' }],
  options: { runs: text('folder', 'where the runs are', { default: 'runs' }) },
  async run({ runs }, { given }) {
    const { existsSync } = await import('node:fs')
    const { listRuns, readListed } = await import('../../disk/list-runs.ts')
    const { PRETRAINED } = await import('../../hosts/node/pretrained.ts')
    const packed = await readListed(PRETRAINED)
    const trained = existsSync(runs) || given.includes('runs') ? await listRuns(runs) : []
    const found = [...(packed ? [packed] : []), ...trained]
    const rows = found.map(({ run, basicModel, mia, control, data, epochs, cider, epoch }) => [
      run,
      `${basicModel}${control ? ', control of MIA' : mia ? ' with MIA' : ''}`,
      data,
      `${epochs}`,
      cider === undefined ? '' : cider.toFixed(4),
      epoch === undefined ? '' : `${epoch}`,
    ])
    return {
      json: { runs: found },
      text:
        found.length === 0
          ? `No runs in ${runs}; "mia train" makes one`
          : table([['run', 'model', 'data', 'epochs', 'CIDEr', 'of epoch'], ...rows]),
    }
  },
})
