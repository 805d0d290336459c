import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { Dataset } from '../data/dataset.ts'
import { readConcepts } from '../disk/concept-files.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { readRunConfig } from '../disk/run.ts'
import { vocabularyDifference } from '../disk/run-folder.ts'
import { UserError } from '../errors.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { hasBoxes } from '../vision/index.ts'

/** The choices for a new run; the rest of its configuration follows from the dataset. */
export interface RunChoices {
  /** the dataset's folder */
  readonly data: string
  readonly model: Omit<CaptionerConfig, 'regions' | 'paddedRegions' | 'concepts' | 'featureSize' | 'vocabularySize'> & {
    /**
     * concepts of an image; by default as many as regions. If the model uses concepts and some image has fewer, as many
     * as every image has.
     */
    readonly concepts: number | undefined
  }
  readonly training: RunConfig['training']
}

/**
 * Returns the whole configuration of a run on a dataset. Throws UserError if the chosen sizes do not fit each other, or
 * if the dataset lacks features or concepts that the model needs.
 */
export async function configureRun({ data, model, training }: RunChoices): Promise<RunConfig> {
  const { batchSize, captionsPerImage } = training
  if (batchSize % captionsPerImage !== 0)
    throw new UserError(
      `Cannot train with --batch-size ${batchSize}: it must be a multiple of --captions-per-image ${captionsPerImage}`,
    )
  if (model.hiddenSize % model.numHeads !== 0)
    throw new UserError(
      `Cannot train with --num-heads ${model.numHeads}: --hidden-size ${model.hiddenSize} must be a multiple of it`,
    )
  const { objective, from } = training
  if (objective.kind === 'self-critical' && objective.baseline === 'samples' && captionsPerImage < 2)
    throw new UserError(
      'Cannot train with --captions-per-image 1 and --baseline samples: there are no other samples to compare with; ' +
        'give at least 2, or --baseline greedy',
    )
  const dataset = await Dataset.open(data)
  const otherWords = from && (await vocabularyDifference(from.run, dataset.vocabulary))
  if (from && otherWords !== undefined)
    throw new UserError(
      `Cannot train from the run "${from.run}" on dataset "${data}": their vocabularies differ (${otherWords}), and a ` +
        'model keeps its words; give the dataset of the run, or train without --from',
    )
  const store = await FeatureStore.open(featuresFolder(data))
  const features = store.source
  const { regions, size } = features
  await store.close()
  if (from) store.require((await readRunConfig(from.run)).features, `run "${from.run}"`)
  if (usesConcepts(model) && !existsSync(conceptsFile(data)))
    throw new UserError(
      `Cannot train ${model.basicModel}${model.mia ? ' with MIA' : ''} on "${data}": the dataset has no concepts; ` +
        'run "mia concepts train" and "mia concepts detect"',
    )
  return {
    model: {
      ...model,
      regions,
      paddedRegions: hasBoxes(features),
      concepts: model.concepts ?? Math.min(regions, usesConcepts(model) ? await fewestConcepts(data) : regions),
      featureSize: size,
      vocabularySize: dataset.vocabulary.size,
    },
    training,
    data: { name: dataset.header.name, folder: resolve(data) },
    features,
  }
}

/** The concepts that every image of a dataset has, at least one: if an image has none, reading the inputs names it. */
async function fewestConcepts(data: string): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY
  for (const { words } of (await readConcepts(conceptsFile(data))).values()) fewest = Math.min(fewest, words.length)
  return Math.max(1, fewest)
}
