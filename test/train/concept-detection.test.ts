import { expect, onTestFinished, test, vi } from 'vitest'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { readConcepts, writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder } from '../../src/disk/dataset-files.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { detectConcepts } from '../../src/train/concept-detection.ts'
import { temporaryFolder } from '../support/folder.ts'
import { countingEngine } from './counting-engine.ts'
import { makeWorld, source } from './world.ts'

/** A world of 4 regions, with a detector of these words. */
async function worldWith(words: readonly string[], copies = 1): Promise<string> {
  const data = await temporaryFolder()
  await makeWorld(data, { copies })
  const weights = new Map(
    [...detectorFor(words.length, source).parameters.values()].map(({ name, shape }) => [
      name,
      { dtype: 'F32' as const, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  )
  const info = { words: [...words], features: source, meanAveragePrecision: 0, averagePrecision: {} }
  await writeDetector(conceptsFolder(data), { info, weights })
  return data
}

test.each([
  [['red', 'green', 'blue', 'black', 'dog'], 4],
  [['red', 'dog', 'cat'], 3],
])('detectConcepts() detects as many of %j as there are regions, or all', async (words, count) => {
  const data = await worldWith(words)
  expect(await detectConcepts({ engine: nodeEngine, data })).toEqual({
    images: 24,
    count,
    words: words.length,
    regions: 4,
  })
  for (const found of (await readConcepts(conceptsFile(data))).values()) expect(found.words).toHaveLength(count)
})

test('detectConcepts() refuses more concepts than the detector knows words, and says how many it knows', async () => {
  const data = await worldWith(['red', 'dog', 'cat'])
  await expect(detectConcepts({ engine: nodeEngine, data, count: 4 })).rejects.toThrow(
    /^Cannot detect 4 concepts of an image: .* knows 3 words; ask for --count 3, or train it on more words$/,
  )
  expect(await detectConcepts({ engine: nodeEngine, data, count: 2 })).toMatchObject({ count: 2 })
})

test('detectConcepts() frees the detector and closes the features when it is aborted or refused', async () => {
  const data = await worldWith(['red', 'dog', 'cat'], 6) // 144 images: three batches
  const close = vi.spyOn(FeatureStore.prototype, 'close')
  onTestFinished(() => close.mockRestore())
  const { engine, open } = countingEngine()
  const controller = new AbortController()
  const onProgress = () => controller.abort()
  const { signal } = controller
  await expect(detectConcepts({ engine, data, onProgress, signal })).rejects.toThrow(signal.reason)
  expect(open()).toBe(0)
  expect(close).toHaveBeenCalledTimes(1)
  await expect(detectConcepts({ engine, data, count: 4 })).rejects.toThrow('Cannot detect 4 concepts')
  expect(close).toHaveBeenCalledTimes(2)
})
