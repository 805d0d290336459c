import { expect, test } from 'vitest'
import { Dataset, type ImageEntry } from '../../src/data/dataset.ts'
import { conceptsFile, featuresFolder } from '../../src/disk/dataset-files.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { storedInputs } from '../../src/disk/stored-inputs.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { referenceLogLikelihood } from '../../src/train/reference-likelihood.ts'
import { TrainingState } from '../../src/train/state.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

test('referenceLogLikelihood() is the mean over the words of all references, whatever their number, length and batch', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(folder, { mia: true, copies: 4 })
  const { vocabulary, ...dataset } = await Dataset.open(folder)
  const store = await FeatureStore.open(featuresFolder(folder))
  const concepts = { path: conceptsFile(folder), vocabulary, model: config.model }
  const inputs = await storedInputs(store, concepts)
  const model = createCaptioner(config.model)
  const { weights } = TrainingState.start([...model.parameters.values()], 1)
  const logLikelihood = (images: readonly ImageEntry[]) =>
    referenceLogLikelihood(nodeRuntime, model, weights, { inputs, images, vocabulary })
  // 48 images, the second half of which has one reference less: 72 references, and 2 of one image in another batch.
  const val = dataset.images
    .filter(({ split }) => split === 'val')
    .map((image, i) => (i < 24 ? image : { ...image, tokens: image.tokens.slice(0, 1) }))
  const images = [...val, ...val.slice(0, 6)]
  let total = 0
  let words = 0
  for (const image of images) {
    const count = image.tokens.reduce((sum, caption) => sum + caption.split(' ').length + 1, 0)
    total += count * (await logLikelihood([image]))
    words += count
  }
  expect(await logLikelihood(images)).toBeCloseTo(total / words, 5)
  // An untrained model is about as good as a uniform guess.
  expect(total / words).toBeGreaterThan(-Math.log(vocabulary.size) - 1)
  expect(total / words).toBeLessThan(-1)
  await store.close()
}, 60_000)
