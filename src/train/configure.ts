import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { Dataset } from '../data/dataset.ts'
import { readConcepts } from '../disk/concept-files.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { UserError } from '../errors.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { hasBoxes } from '../vision/index.ts'

/** What one chooses of a run; the rest of its configuration follows from the dataset. */
export interface RunChoices {
  /** the dataset's folder */
  readonly data: string
  readonly model: Omit<CaptionerConfig, 'regions' | 'paddedRegions' | 'concepts' | 'featureSize' | 'vocabularySize'> & {
    /** concepts of an image; by default as many as regions, or as every image has, if these are fewer and the model uses them */
    readonly concepts: number | undefined
  }
  readonly training: Omit<RunConfig['training'], 'imagesPerBatch'> & {
    /** captions of a step, `captionsPerImage` of each image */
    readonly batchSize: number
  }
}

/**
 * The whole configuration of a run on a dataset. Throws UserError where the sizes chosen do not fit each other and where
 * the dataset lacks features or concepts that the model needs.
 */
export async function configureRun({ data, model, training }: RunChoices): Promise<RunConfig> {
  const { batchSize, ...rest } = training
  const imagesPerBatch = batchSize / rest.captionsPerImage
  if (!Number.isInteger(imagesPerBatch))
    throw new UserError(
      `Cannot make batches of ${batchSize} captions with ${rest.captionsPerImage} of each image: the one is no multiple of the other`,
    )
  if (model.hiddenSize % model.numHeads !== 0)
    throw new UserError(
      `Cannot give ${model.numHeads} heads an equal part of width ${model.hiddenSize}: it is no multiple`,
    )
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  const features = store.source
  const { regions, size } = features
  await store.close()
  if (usesConcepts(model) && !existsSync(conceptsFile(data)))
    throw new UserError(
      `Cannot train ${model.basicModel}${model.mia ? ' with MIA' : ''} on "${data}": it has no concepts; run "mia concepts train" and "mia concepts detect"`,
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
    training: { ...rest, imagesPerBatch },
    data: { name: dataset.header.name, folder: resolve(data) },
    features,
  }
}

/** How many concepts every image of a dataset has. One at least: where an image has none, opening the inputs says which. */
async function fewestConcepts(data: string): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY
  for (const { words } of (await readConcepts(conceptsFile(data))).values()) fewest = Math.min(fewest, words.length)
  return Math.max(1, fewest)
}
