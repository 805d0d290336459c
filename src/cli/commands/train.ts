import { UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { duration } from '../progress.ts'
import { choicesOf, options, type TrainValues } from './train-options.ts'

export const train = defineCommand({
  name: 'train',
  summary: 'train a captioner: five basic models, with MIA or without',
  description:
    'Trains a captioner on the features of a dataset and keeps the weights of the epoch with the best CIDEr on the ' +
    'validation pictures. The defaults are the published recipe. Everything one needs of the run stands in its folder: ' +
    'configuration, vocabulary, weights, concept detector, log, sample captions. Stopped, the same command goes on from ' +
    'the very step; with more --epochs it goes on when done.',
  examples: [
    { call: 'mia train --data data/flickr8k --basic-model VisualAttention --out runs/va', what: 'the baseline' },
    { call: 'mia train --data data/flickr8k --basic-model VisualAttention --mia --out runs/va-mia', what: 'with MIA' },
    { call: 'mia train --resume --out runs/va-mia --epochs 40', what: 'ten epochs more' },
  ],
  options,
  async run(values, { signal, report, given }) {
    const run = await openRun(values, given)
    const { basicModel, paddedRegions } = run.config.model
    if (basicModel === 'VisualRegionalAttention' && !paddedRegions)
      report.warn(
        'the regions of these features are the cells of a grid, on which VisualRegionalAttention is VisualAttention; for objects make features with "mia features --detector builtin"',
      )
    const { trainCaptioner } = await import('../../train/trainer.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const epochs: EpochReport[] = []
    const onProgress = report.progress('Training', 'steps')
    const onEpoch = (epoch: EpochReport): void => {
      epochs.push(epoch)
      report.note(describeEpoch(epoch))
    }
    try {
      const { step, epoch, best } = await trainCaptioner({ engine: nodeEngine, ...run, onProgress, onEpoch, signal })
      return {
        json: { run: run.folder, step, epoch, best, epochs },
        text: `${epoch} epochs of ${run.folder}: the best CIDEr on val is ${best!.score.toFixed(4)}, of epoch ${best!.epoch}`,
        next: `mia test --run ${run.folder} --split val`,
      }
    } finally {
      await run.release()
    }
  },
})

type RunFolder = import('../../disk/run-folder.ts').RunFolder
type EpochReport = import('../../train/trainer.ts').EpochReport

/** A run as the options say, begun or gone on with; with --resume alone, with the options that it began with. */
async function openRun(values: TrainValues, given: readonly string[]): Promise<RunFolder> {
  const { data, out, resume, epochs } = values
  const { beginOrResume, resumeWith } = await import('../../train/resume.ts')
  if (data !== undefined) {
    const { configureRun } = await import('../../train/configure.ts')
    const config = await configureRun(choicesOf(data, values))
    return resume ? resumeWith(out, epochs, config) : beginOrResume(out, config)
  }
  if (!resume)
    throw new UsageError('Cannot train: the data are not said; add --data <folder>, or --resume for a run begun')
  const other = given.find((option) => !ALONE.has(option))
  if (other) throw new UsageError(`Cannot take --${other} with --resume alone: the run keeps its options; leave it out`)
  return resumeWith(out, epochs)
}

const ALONE: ReadonlySet<string> = new Set(['out', 'resume', 'epochs', 'json', 'quiet'])

function describeEpoch({ epoch, loss, scores, best, seconds }: EpochReport): string {
  const named = Object.entries(scores).map(([name, score]) => `${name} ${score.toFixed(4)}`)
  return `Epoch ${epoch}: loss ${loss?.toFixed(4) ?? 'of an earlier start'}, ${named.join(', ')}${best ? ' (best)' : ''}, ${duration(seconds)}`
}
