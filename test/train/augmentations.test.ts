import { expect, test } from 'vitest'
import { Dataset } from '../../src/data/dataset.ts'
import { featuresFolder } from '../../src/disk/dataset-files.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { storedInputs } from '../../src/disk/stored-inputs.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { drawAugmentations } from '../../src/train/augmentations.ts'
import { makeBatches } from '../../src/train/batches.ts'
import { Collator } from '../../src/train/collator.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { augmentedId } from '../../src/vision/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld, source } from './world.ts'

test('drawAugmentations() draws each version about equally often, differently in each epoch, and 0 without augmentations', () => {
  const drawn = drawAugmentations(4000, { seed: 1, epoch: 0, augmentations: 3 })
  for (const augmentation of [0, 1, 2, 3])
    expect(Math.abs(drawn.filter((each) => each === augmentation).length - 1000)).toBeLessThan(120) // 4.4 deviations
  expect(drawAugmentations(4000, { seed: 1, epoch: 1, augmentations: 3 })).not.toEqual(drawn)
  expect([...drawAugmentations(3, { seed: 1, epoch: 0, augmentations: 0 })]).toEqual([0, 0, 0])
})

test('makeBatches() has the same images and captions with augmentations as without', () => {
  const items = Array.from({ length: 50 }, (_, i) => ({ steps: [5, 6, 7 + (i % 3)], regions: 4 }))
  const options = { seed: 2, epoch: 1, lengths: [12], batchSize: 16, captionsPerImage: 2 }
  const plain = makeBatches(items, options)
  const drawn = makeBatches(items, { ...options, augmentations: 2 })
  expect(drawn.map(({ augmentations: _, ...rest }) => rest)).toEqual(plain.map(({ augmentations: _, ...rest }) => rest))
  expect(plain.every(({ augmentations }) => augmentations.every((augmentation) => augmentation === 0))).toBe(true)
  expect(new Set(drawn.flatMap(({ augmentations }) => [...augmentations])).size).toBe(3)
})

test('Collator.collate() reads the features of the augmentations that the batch names', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(folder)
  const dataset = await Dataset.open(folder)
  const images = dataset.split('train')
  const size = source.regions * source.size
  const writer = await FeatureWriter.open(featuresFolder(folder), source)
  for (const [i, { id }] of images.entries())
    await writer.add(augmentedId(id, 1), { features: new Uint16Array(size).fill(100 + i) })
  await writer.close()
  const store = await FeatureStore.open(featuresFolder(folder))
  store.requireAugmentations([images[0]!.id], 1)
  const collator = new Collator(images, dataset.vocabulary, await storedInputs(store, undefined), config)
  const [batch] = makeBatches(collator.items, {
    ...config.training,
    epoch: 0,
    lengths: collator.lengths,
    augmentations: 1,
  })
  const { features } = await collator.collate(batch!)
  expect(batch!.augmentations).toContain(0)
  expect(batch!.augmentations).toContain(1)
  for (const [row, image] of batch!.images.entries()) {
    const first = (features!.data as Uint16Array)[row * size]
    expect(first === 100 + image).toBe(batch!.augmentations[row] === 1)
  }
  await store.close()
})

test('training on missing augmentations is refused with the first image and the command that makes them', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(folder)
  const wanted = { ...config, training: { ...config.training, augmentations: 2 } }
  await expect(trainCaptioner({ engine: nodeEngine, folder, config: wanted })).rejects.toThrow(
    /^Cannot train on 2 augmentations of each image: ".*features" has 0 of image "train-red-dog"; make them with "mia features --augmentations 2"$/,
  )
})
