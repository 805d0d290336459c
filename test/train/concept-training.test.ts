import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { conceptsFolder } from '../../src/disk/dataset-files.ts'
import { writeFileAtomic } from '../../src/disk/files.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { type ConceptEpoch, type ConceptTraining, trainConceptDetector } from '../../src/train/concept-training.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

const EPOCHS = 4
const IMAGES = 72 // two batches an epoch

async function world(): Promise<string> {
  const folder = await temporaryFolder()
  await makeWorld(folder, { copies: IMAGES / 12 })
  await writeFileAtomic(join(folder, 'words.txt'), 'red\ngreen\nblue\nblack\ndog\ncat\ncar\n')
  return folder
}

/** Trains, and stops once `stopAfter` images were seen. */
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

test('a detector trained with two stops, one within an epoch, is the same bytes as one trained at once', async () => {
  const [whole, parts] = [await world(), await world()]
  const { trained } = await train(whole)
  expect((await train(parts, { stopAfter: 64 })).trained).toBeUndefined()
  const second = await train(parts, { stopAfter: 2 * IMAGES })
  expect(second.epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
  const last = await train(parts)
  expect(last.epochs.map(({ epoch }) => epoch)).toEqual([3, 4])
  expect(last.trained).toEqual(trained)
  expect(await bytes(parts)).toEqual(await bytes(whole))
})

test('a finished training is not done again; more epochs go on, another seed begins anew', async () => {
  const data = await world()
  const { trained } = await train(data)
  expect(await train(data)).toEqual({ epochs: [], trained })
  expect((await train(data, { epochs: EPOCHS + 1 })).epochs.map(({ epoch }) => epoch)).toEqual([EPOCHS + 1])
  expect((await train(data, { epochs: 2, seed: 2 })).epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
})

test('without a list the words are those of the captions that are frequent enough for so few images', async () => {
  const data = await temporaryFolder()
  await makeWorld(data) // 12 training images: each colour in 3 of them, each thing in 4
  const trained = await trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })
  expect(trained.words).toBe(7)
})

test('where no word is frequent enough it is said how often one should stand', async () => {
  const data = await temporaryFolder()
  await makeWorld(data)
  const path = join(data, 'images.jsonl')
  const said = (await readFile(path, 'utf8')).replace(/"tokens":\[[^\]]*\]/g, '"tokens":["there it is","it is"]')
  await writeFileAtomic(path, said)
  await expect(trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })).rejects.toThrow(
    'no content word stands in at least 2 of the 12 training images; give a list with --words',
  )
})

test('words that no validation image has are refused, for by these the best epoch is chosen', async () => {
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
    'no concept (dog) stands in a caption of the 12 validation images, and by them the best epoch is chosen',
  )
})
