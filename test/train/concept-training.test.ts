import { truncateSync } from 'node:fs'
import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readCheckpoint } from '../../src/disk/checkpoint.ts'
import { readDetector } from '../../src/disk/concept-files.ts'
import { conceptsFolder, featuresFolder } from '../../src/disk/dataset-files.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { writeFileAtomic } from '../../src/disk/files.ts'
import { UserError } from '../../src/errors.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { type ConceptEpoch, type ConceptTraining, trainConceptDetector } from '../../src/train/concept-training.ts'
import { temporaryFolder } from '../support/folder.ts'
import { countingEngine } from './counting-engine.ts'
import { makeWorld } from './world.ts'

const EPOCHS = 4
const IMAGES = 72 // two batches an epoch

async function world(): Promise<string> {
  const folder = await temporaryFolder()
  await makeWorld(folder, { copies: IMAGES / 12 })
  await writeFileAtomic(join(folder, 'words.txt'), 'red\ngreen\nblue\nblack\ndog\ncat\ncar\n')
  return folder
}

/** Trains, and aborts once `stopAfter` images are done. */
async function train(
  data: string,
  { epochs = EPOCHS, seed = 1, stopAfter = Number.POSITIVE_INFINITY } = {},
): Promise<{ epochs: ConceptEpoch[]; trained: ConceptTraining | undefined }> {
  const reports: ConceptEpoch[] = []
  const controller = new AbortController()
  const trained = await trainConceptDetector({
    engine: nodeEngine,
    data,
    wordList: join(data, 'words.txt'),
    seed,
    epochs,
    onEpoch: (epoch) => reports.push(epoch),
    onProgress: (done) => done >= stopAfter && controller.abort(),
    signal: controller.signal,
  }).catch((error) => {
    if (error !== controller.signal.reason) throw error
    return undefined
  })
  return { epochs: reports, trained }
}

const bytes = (data: string) =>
  Promise.all(
    ['checkpoint.safetensors', 'detector.safetensors', 'detector.json'].map((name) =>
      readFile(join(conceptsFolder(data), name)),
    ),
  )

test('a detector trained with two interruptions, in an epoch and before a validation, has the same bytes as one trained without', async () => {
  const [whole, parts] = [await world(), await world()]
  const { trained } = await train(whole)
  expect((await train(parts, { stopAfter: 64 })).trained).toBeUndefined()
  const second = await train(parts, { stopAfter: 2 * IMAGES })
  expect(second.epochs.map(({ epoch }) => epoch)).toEqual([1])
  const last = await train(parts)
  expect(last.epochs.map(({ epoch }) => epoch)).toEqual([2, 3, 4])
  expect(last.trained).toEqual(trained)
  expect(await bytes(parts)).toEqual(await bytes(whole))
})

test('a finished training does nothing; more epochs resume it, another seed starts over', async () => {
  const data = await world()
  const { trained } = await train(data)
  expect(await train(data)).toEqual({ epochs: [], trained })
  expect((await train(data, { epochs: EPOCHS + 1 })).epochs.map(({ epoch }) => epoch)).toEqual([EPOCHS + 1])
  expect((await train(data, { epochs: 2, seed: 2 })).epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
})

test('without a list the words are the frequent content words of the training captions', async () => {
  const data = await temporaryFolder()
  await makeWorld(data) // 12 training images: each colour in 3 of them, each thing in 4
  const trained = await trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })
  expect(trained.words).toBe(7)
  const { words, imageShares } = (await readDetector(conceptsFolder(data))).info
  const colours = ['red', 'green', 'blue', 'black']
  expect(imageShares).toEqual(words.map((word) => (colours.includes(word) ? 0.25 : 0.333333)))
})

test('if no word is frequent enough, the error says how frequent it must be', async () => {
  const data = await temporaryFolder()
  await makeWorld(data)
  const path = join(data, 'images.jsonl')
  const said = (await readFile(path, 'utf8')).replace(/"tokens":\[[^\]]*\]/g, '"tokens":["there it is","it is"]')
  await writeFileAtomic(path, said)
  await expect(trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })).rejects.toThrow(
    'no content word occurs in the captions of at least 2 of the 12 training images; give a list with --words',
  )
})

test('words that no validation image has are refused: they cannot choose the best epoch', async () => {
  const data = await temporaryFolder()
  await makeWorld(data)
  const path = join(data, 'images.jsonl')
  const lines = (await readFile(path, 'utf8')).split('\n')
  await writeFileAtomic(
    path,
    lines.map((line) => (line.includes('"val"') ? line.replace(/ dog/g, ' hound') : line)).join('\n'),
  )
  const wordList = join(data, 'words.txt')
  await writeFileAtomic(wordList, 'dog\n')
  await expect(trainConceptDetector({ engine: nodeEngine, data, wordList, seed: 1, epochs: 1 })).rejects.toThrow(
    'no concept (dog) occurs in a caption of the 12 validation images, which choose the best epoch',
  )
})

test('a shard that is damaged during the training is one error; the steps before are saved, and the training resumes', async () => {
  const [whole, parts] = [await world(), await world()]
  await train(whole)
  const [name] = (await readdir(featuresFolder(parts))).filter((each) => each.endsWith('.safetensors'))
  const shard = join(featuresFolder(parts), name!)
  await copyFile(shard, join(parts, 'copy'))
  const close = vi.spyOn(FeatureStore.prototype, 'close')
  onTestFinished(() => close.mockRestore())
  const { engine, open } = countingEngine()
  const wordList = join(parts, 'words.txt')
  const onProgress = (done: number) => done === IMAGES && truncateSync(shard, 600)
  const failed = trainConceptDetector({ engine, data: parts, wordList, seed: 1, epochs: EPOCHS, onProgress })
  await expect(failed).rejects.toThrow(UserError)
  await expect(failed).rejects.toThrow(shard)
  expect(open()).toBe(0)
  expect(close).toHaveBeenCalledTimes(1)
  expect(await readCheckpoint(join(conceptsFolder(parts), 'checkpoint.safetensors'))).toMatchObject({ step: 2 })
  await copyFile(join(parts, 'copy'), shard)
  await train(parts)
  expect(await bytes(parts)).toEqual(await bytes(whole))
})

test('of epochs with the same mean average precision the one with the higher log-likelihood of the labels is kept', async () => {
  const data = await temporaryFolder()
  await makeWorld(data, { copies: IMAGES / 12, val: 1 }) // one image, which has both words: every precision is 1
  await writeFileAtomic(join(data, 'words.txt'), 'red\ndog\n')
  const { epochs, trained } = await train(data)
  expect(epochs.map(({ meanAveragePrecision }) => meanAveragePrecision)).toEqual([1, 1, 1, 1])
  const logLikelihoods = epochs.slice(1).map(({ logLikelihood }) => logLikelihood!)
  const highest = Math.max(...logLikelihoods)
  expect(trained).toMatchObject({ bestEpoch: 2 + logLikelihoods.indexOf(highest), logLikelihood: highest })
  expect(trained!.bestEpoch).toBe(EPOCHS) // the words become more probable in each epoch
  const { weights } = await readCheckpoint(join(conceptsFolder(data), 'checkpoint.safetensors'))
  expect((await readDetector(conceptsFolder(data))).weights).toEqual(weights)
})
