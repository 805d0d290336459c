import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { Dataset } from '../../src/data/dataset.ts'
import { readConcepts, writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder } from '../../src/disk/dataset-files.ts'
import { writeFileAtomic } from '../../src/disk/files.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { detectConcepts } from '../../src/train/concept-detection.ts'
import { trainConceptDetector } from '../../src/train/concept-training.ts'
import { foldFolder, foldOf } from '../../src/train/folds.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld, source } from './world.ts'

const FOLDS = 3
const WORDS = ['red', 'green', 'blue', 'black', 'dog', 'cat', 'car']

async function world(): Promise<string> {
  const folder = await temporaryFolder()
  await makeWorld(folder, { copies: 6 }) // 72 training images
  await writeFileAtomic(join(folder, 'words.txt'), `${WORDS.join('\n')}\n`)
  return folder
}

/** The world without the training images of a fold. */
async function worldWithout(fold: number): Promise<string> {
  const folder = await world()
  const files = { images: join(folder, 'images.jsonl'), header: join(folder, 'dataset.json') }
  const lines = (await readFile(files.images, 'utf8')).trim().split('\n')
  const kept = lines.filter((line) => {
    const { id, split } = JSON.parse(line) as { id: string; split: string }
    return split !== 'train' || foldOf({ id }, FOLDS) !== fold
  })
  expect(kept.length).toBeLessThan(lines.length)
  await writeFileAtomic(files.images, kept.join('\n'))
  const header = JSON.parse(await readFile(files.header, 'utf8')) as { splits: { train: number } }
  header.splits.train -= lines.length - kept.length
  await writeFileAtomic(files.header, JSON.stringify(header))
  return folder
}

const train = (
  data: string,
  folds: number,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: () => void } = {},
) =>
  trainConceptDetector({
    engine: nodeEngine,
    data,
    wordList: join(data, 'words.txt'),
    seed: 1,
    epochs: 2,
    folds,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })

const weights = (folder: string) => readFile(join(folder, 'detector.safetensors'))
const foldsIn = async (data: string) =>
  (await readdir(conceptsFolder(data))).filter((name) => name.startsWith('without-fold')).sort()

/** Writes a detector that is surest of one word, whatever the features. */
async function writeSureDetector(folder: string, word: string, words: readonly string[] = WORDS): Promise<void> {
  const tensors = [...detectorFor(words.length, source).parameters.values()].map(({ name, shape }) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
    if (name === 'bias') data[words.indexOf(word)] = 3
    return [name, { dtype: 'F32' as const, shape, data }] as const
  })
  const info = { words: [...words], features: source, meanAveragePrecision: 0, averagePrecision: {} }
  await writeDetector(folder, { info, weights: new Map(tensors) })
}

test('the detector without a fold is the one of a dataset that lacks its training images; the first is as without folds', async () => {
  const [data, whole] = [await world(), await world()]
  const trained = await train(data, FOLDS)
  expect(trained.folds).toHaveLength(FOLDS)
  await train(whole, 0)
  expect(await weights(conceptsFolder(data))).toEqual(await weights(conceptsFolder(whole)))
  for (let fold = 0; fold < FOLDS; fold++) {
    const less = await worldWithout(fold)
    await train(less, 0)
    const folder = foldFolder(conceptsFolder(data), fold, FOLDS)
    expect(await weights(folder)).toEqual(await weights(conceptsFolder(less)))
    expect(await weights(folder)).not.toEqual(await weights(conceptsFolder(data)))
  }
})

test('an interrupted training of folds resumes where it was, and ends with the same bytes', async () => {
  const [whole, parts] = [await world(), await world()]
  await train(whole, FOLDS)
  // Each step is reported, 4 of the first detector and 2 of each other: it stops in the first, the second and the last.
  for (const stop of [1, 4, 4]) {
    const controller = new AbortController()
    let steps = 0
    const onProgress = () => ++steps === stop && controller.abort()
    const stopped = train(parts, FOLDS, { signal: controller.signal, onProgress: () => void onProgress() })
    await expect(stopped).rejects.toThrow('aborted')
  }
  await train(parts, FOLDS)
  for (const folder of [
    conceptsFolder,
    ...[0, 1, 2].map((fold) => (data: string) => foldFolder(conceptsFolder(data), fold, FOLDS)),
  ])
    expect(await weights(folder(parts))).toEqual(await weights(folder(whole)))
})

test('another number of folds replaces the detectors, and none removes them', async () => {
  const data = await world()
  await train(data, 2)
  expect(await foldsIn(data)).toEqual(['without-fold-1-of-2', 'without-fold-2-of-2'])
  await train(data, FOLDS)
  expect(await foldsIn(data)).toHaveLength(FOLDS)
  await train(data, 0)
  expect(await foldsIn(data)).toEqual([])
  expect(existsSync(join(conceptsFolder(data), 'detector.safetensors'))).toBe(true)
})

test('one fold is refused, and so are folds of which one has all training images', async () => {
  const data = await world()
  await expect(train(data, 1)).rejects.toThrow('a fold has all of its 72 training images; ask for at least 2 folds')
})

test('a training image has the concepts of the detector that learned without its fold, others of that of all images', async () => {
  const data = await world()
  const concepts = conceptsFolder(data)
  await writeSureDetector(concepts, 'car')
  const surest = ['red', 'green', 'blue']
  for (const [fold, word] of surest.entries()) await writeSureDetector(foldFolder(concepts, fold, FOLDS), word)
  await detectConcepts({ engine: nodeEngine, data })
  const found = await readConcepts(conceptsFile(data))
  const dataset = await Dataset.open(data)
  expect([...found.keys()]).toEqual(dataset.images.map(({ id }) => id))
  const seen = new Set<string>()
  for (const image of dataset.images) {
    const expected = image.split === 'train' ? surest[foldOf(image, FOLDS)]! : 'car'
    expect(found.get(image.id)!.words[0]).toBe(expected)
    seen.add(expected)
  }
  expect(seen.size).toBe(4)
})

test('detectors of folds that are missing or know other words are an error that says what to do', async () => {
  const data = await world()
  const concepts = conceptsFolder(data)
  await writeSureDetector(concepts, 'car')
  await writeSureDetector(foldFolder(concepts, 0, 2), 'car')
  const detect = () => detectConcepts({ engine: nodeEngine, data })
  await expect(detect()).rejects.toThrow(
    `there is no "${foldFolder(concepts, 1, 2)}"; run "mia concepts train --folds 2" again`,
  )
  await writeSureDetector(foldFolder(concepts, 1, 2), 'red', WORDS.slice(1).concat('red'))
  await expect(detect()).rejects.toThrow(
    `Cannot use "${foldFolder(concepts, 1, 2)}": its words or features are not those of the concept detector`,
  )
  await rm(foldFolder(concepts, 0, 2), { recursive: true })
  await rm(foldFolder(concepts, 1, 2), { recursive: true })
  await detect()
})
