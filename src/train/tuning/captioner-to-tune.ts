import { join, resolve } from 'node:path'
import { usesConcepts } from '../../caption/run-config.ts'
import type { TrainedCaptioner } from '../../caption/trained-captioner.ts'
import type { Weights } from '../../caption/weights.ts'
import { Dataset, writeDataset } from '../../data/dataset.ts'
import { writeDetector } from '../../disk/concept-files.ts'
import { conceptsFile, conceptsFolder, featuresFolder } from '../../disk/dataset-files.ts'
import { FeatureStore } from '../../disk/feature-store.ts'
import { writeFileAtomic } from '../../disk/files.ts'
import { openRun, runFiles, writeRunConfig } from '../../disk/run.ts'
import { vocabularyDifference } from '../../disk/run-folder.ts'
import { writeSafetensors } from '../../disk/safetensors-file.ts'
import { type StoredInputs, storedInputs } from '../../disk/stored-inputs.ts'
import { UserError } from '../../errors.ts'
import { describeSource, type GridSource, sameSource } from '../../vision/feature-source.ts'
import { BUILTIN } from '../../vision/networks/builtin.ts'
import { CENTERNET } from '../../vision/networks/centernet/model.ts'
import { type InitialWeights, initialWeightsOf } from '../initial-weights.ts'
import { CAPTIONER, WORDS } from './tuning-model.ts'

/** A trained captioner that is tuned together with the network whose features it reads. */
export interface CaptionerToTune extends TrainedCaptioner {
  /** the weights that it begins with */
  readonly from: InitialWeights
  /** the concepts of the dataset's images, as its detector found them, and which images have what it needs */
  readonly inputs: Pick<StoredInputs, 'has' | 'concepts'>
}

/**
 * Opens the captioner of the run in `folder`, to be tuned with the network of `source` on the dataset in `data`. Throws
 * UserError if its features are those of another network, or of the built-in one, or the dataset does not have its
 * vocabulary, features and concepts.
 */
export async function openCaptionerToTune(folder: string, data: string, source: GridSource): Promise<CaptionerToTune> {
  const captioner = await openRun(folder)
  const { config, vocabulary, detector } = captioner
  const { features } = config
  if (features.kind !== 'bottom-up' && features.network.file === BUILTIN)
    throw new UserError(
      `Cannot tune the captioner "${folder}" with its network: it reads features of the one that comes with the package, ` +
        `whose weights have 8 bits; train a captioner on features of "mia features --cnn ${CENTERNET}", which that ` +
        'network was made from',
    )
  if (!sameSource(features, source))
    throw new UserError(
      `Cannot tune the captioner "${folder}" with this network: it reads ${describeSource(features)}, and the ` +
        `network gives ${describeSource(source)}; give the network, layer and size of its features`,
    )
  const dataset = await Dataset.open(data)
  const otherWords = await vocabularyDifference(folder, dataset.vocabulary)
  if (otherWords !== undefined)
    throw new UserError(
      `Cannot tune the captioner "${folder}" on dataset "${data}": their vocabularies differ (${otherWords}); give the ` +
        'dataset that it was trained on',
    )
  const store = await FeatureStore.open(featuresFolder(data))
  try {
    store.require(config.features, `captioner "${folder}"`)
    const concepts = usesConcepts(config.model) && {
      path: conceptsFile(data),
      vocabulary,
      model: config.model,
      run: { name: folder, detector: detector! },
    }
    const { has, concepts: ids } = await storedInputs(store, concepts || undefined)
    return { ...captioner, from: await initialWeightsOf(folder), inputs: { has, concepts: ids } }
  } finally {
    await store.close()
  }
}

/** The weights of a captioner and of its detector, under the names that they have in TuningModel. */
export const tuningWeights = ({ weights, detector }: TrainedCaptioner): Weights =>
  new Map([
    ...[...weights].map(([name, weight]) => [`${CAPTIONER}${name}`, weight] as const),
    ...[...(detector?.weights ?? [])].map(([name, weight]) => [`${WORDS}${name}`, weight] as const),
  ])

/** What a tuned captioner is written from. */
export interface TunedCaptioner {
  /** the weights of TuningModel */
  readonly weights: Weights
  /** the features of the tuned network */
  readonly source: GridSource
  /** how precisely its detector finds each word on the validation pictures */
  readonly averagePrecision: Readonly<Record<string, number>>
  /** the folder of the dataset that it was tuned on */
  readonly data: string
}

/** Where a tuned captioner is. */
export interface WrittenCaptioner {
  /** the folder of its run */
  readonly captioner: string
  /** the folder of its dataset, which the features of the tuned network go into */
  readonly captionerData: string
}

/**
 * Writes the captioner that was tuned with a network as the folder of a run, `captioner` in `out`, which reads the
 * features of the tuned network; and `data` in `out`, the dataset in the folder `data` without features and with the
 * tuned concept detector. `config.json` of the run is written last: a folder that has one is complete.
 */
export async function writeTunedCaptioner(
  out: string,
  { config, vocabulary, detector, from }: CaptionerToTune,
  { weights, source, averagePrecision, data }: TunedCaptioner,
): Promise<WrittenCaptioner> {
  const [captioner, captionerData] = [join(out, 'captioner'), join(out, 'data')]
  const files = runFiles(captioner)
  await writeFileAtomic(files.vocabulary, `${JSON.stringify(vocabulary)}\n`)
  await writeSafetensors(files.weights, under(CAPTIONER, weights), {})
  const { header, ...content } = await Dataset.open(data)
  await writeDataset(captionerData, { ...header, ...content })
  if (detector) {
    const precisions = Object.values(averagePrecision)
    const meanAveragePrecision = precisions.reduce((sum, each) => sum + each, 0) / Math.max(1, precisions.length)
    const info = { ...detector.info, features: source, meanAveragePrecision, averagePrecision }
    const tuned = { info, weights: under(WORDS, weights) }
    for (const folder of [files.concepts, conceptsFolder(captionerData)]) await writeDetector(folder, tuned)
  }
  await writeRunConfig(captioner, {
    ...config,
    features: source,
    data: { name: header.name, folder: resolve(captionerData) },
    training: { ...config.training, from },
  })
  return { captioner, captionerData }
}

/** The weights whose names begin with a prefix, without it. */
const under = (prefix: string, weights: Weights): Weights =>
  new Map([...weights].flatMap(([name, each]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), each]] : [])))
