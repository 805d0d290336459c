import { CPU } from '../../device.ts'
import { UsageError } from '../../errors.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { optionName } from '../options.ts'
import { shellQuoted } from '../output.ts'
import { duration } from '../progress.ts'
import { choicesFrom, choicesOf, options, type TrainValues } from './train-options.ts'

/** `mia train`: trains a captioner. */
export const train = defineCommand({
  name: 'train',
  summary: 'train a captioner, with or without MIA',
  description:
    'Trains a captioner on the features of a dataset. After each epoch it captions the validation images, and keeps the ' +
    'weights with the best CIDEr (if epochs have the same CIDEr, as always with one image, those under which the ' +
    'references are most likely). The defaults are the published hyperparameters. The run folder has everything that ' +
    'captioning needs: configuration, vocabulary, weights, concept detector; and the records: log.jsonl, results.csv (a ' +
    'row for each epoch), report.html (curves, and sample captions with attention) and the events for ' +
    '"tensorboard --logdir runs". An interrupted run resumes at the same step when you run the same command again. A ' +
    'finished run continues with a larger --epochs.',
  examples: [
    { call: 'mia train --data data/flickr8k --basic-model VisualAttention --out runs/va', what: 'a baseline' },
    { call: 'mia train --data data/flickr8k --basic-model VisualAttention --mia --out runs/va-mia', what: 'with MIA' },
    { call: 'mia train --resume --out runs/va-mia --epochs 40', what: 'ten more epochs' },
    {
      call: 'mia train --data data/flickr8k --objective self-critical --from runs/va-mia --epochs 5 --out runs/va-mia-sc',
      what: 'then on CIDEr-D itself',
    },
    {
      call: 'mpirun -n 4 npx mia train --data data/coco --basic-model VisualAttention --out runs/va',
      what: 'four ranks of MPI, which share out every batch',
    },
  ],
  options,
  resumes: true,
  ranks: true,
  async run(values, { signal, report, given, ranks }) {
    const { engineOn } = await import('../../hosts/node/engine.ts')
    const engine = engineOn(values.device ?? CPU)
    const { fromRankZero } = await import('../../distributed/messages.ts')
    const own = ranks.rank === 0 ? await openRun(values, given) : undefined
    const run = await fromRankZero(ranks, own && { folder: own.folder, config: own.config })
    try {
      const { basicModel, paddedRegions } = run.config.model
      if (basicModel === 'VisualRegionalAttention' && !paddedRegions)
        report.warn(
          'the regions of these features are the cells of a grid, for which VisualRegionalAttention is the same as VisualAttention; extract objects with "mia features --detector builtin"',
        )
      const { trainCaptioner } = await import('../../train/trainer.ts')
      const epochs: EpochReport[] = []
      const onEpoch = (epoch: EpochReport): void => {
        epochs.push(epoch)
        report.note(describeEpoch(epoch))
      }
      const onProgress = report.progress('Training', 'steps')
      const { step, epoch, best } = await trainCaptioner({
        engine,
        ...run,
        onProgress,
        onEpoch,
        signal,
        ranks,
        gradientType: values.gradientType,
      })
      return {
        json: { run: run.folder, step, epoch, best, epochs },
        text:
          `${run.folder}: ${counted(epoch, 'epoch')}, best CIDEr on val ${best!.score.toFixed(4)} at epoch ${best!.epoch}` +
          (best!.logLikelihood === undefined
            ? ''
            : `; other epochs had the same CIDEr: the log-likelihood of the references (${best!.logLikelihood.toFixed(4)} per word) decided`),
        next: `mia test --run ${shellQuoted(run.folder)} --split val`,
      }
    } finally {
      await own?.release()
    }
  },
})

type RunChoices = import('../../train/configure.ts').RunChoices
type RunFolder = import('../../disk/run-folder.ts').RunFolder
type EpochReport = import('../../train/trainer.ts').EpochReport

/** Starts or resumes the run that the options describe; with --resume alone, resumes it with its own options. */
async function openRun(values: TrainValues, given: readonly string[]): Promise<RunFolder> {
  const { data, out, resume, epochs } = values
  const { beginOrResume, resumeWith } = await import('../../train/resume.ts')
  if (data !== undefined) {
    const { configureRun } = await import('../../train/configure.ts')
    const config = await configureRun(
      values.from === undefined ? choicesOf(data, values) : await continued(data, values.from, values, given),
    )
    return resume ? resumeWith(out, epochs, config) : beginOrResume(out, config)
  }
  if (!resume) throw new UsageError('Cannot train: --data <folder> is missing; to resume a run, give --resume')
  const other = given.find((option) => !WITH_RESUME.has(option))
  if (other !== undefined)
    throw new UsageError(`Cannot resume with another --${optionName(other)}: the run keeps its options; leave it out`)
  return resumeWith(out, epochs)
}

/** The choices for a run that continues the run `from`. */
async function continued(
  data: string,
  from: string,
  values: TrainValues,
  given: readonly string[],
): Promise<RunChoices> {
  const { readRunConfig } = await import('../../disk/run.ts')
  const { initialWeightsOf } = await import('../../train/initial-weights.ts')
  const choices = choicesFrom(data, values, { before: await readRunConfig(from), given })
  return { ...choices, training: { ...choices.training, from: await initialWeightsOf(from) } }
}

const WITH_RESUME: ReadonlySet<string> = new Set(['out', 'resume', 'epochs', 'device', 'gradientType', 'json', 'quiet'])

function describeEpoch({ epoch, loss, reward, scores, best, logLikelihood, seconds }: EpochReport): string {
  return [
    `Epoch ${epoch}: loss ${loss?.toFixed(4) ?? '- (resumed after its last step)'}`,
    ...(reward === undefined ? [] : [`reward ${reward.toFixed(4)}`]),
    ...Object.entries(scores).map(([name, score]) => `${name} ${score.toFixed(4)}`),
    ...(logLikelihood === undefined ? [] : [`log-likelihood ${logLikelihood.toFixed(4)} (decides, as CIDEr is equal)`]),
    `${duration(seconds)}${best ? ' (best)' : ''}`,
  ].join(', ')
}
