import { expect, test } from 'vitest'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { readConcepts, writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder } from '../../src/disk/dataset-files.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { detectConcepts } from '../../src/train/concept-detection.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld, source } from './world.ts'

/** A world of 4 regions with a detector of these words. */
async function worldWith(words: readonly string[]): Promise<string> {
  const data = await temporaryFolder()
  await makeWorld(data)
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
])('detectConcepts() finds as many of %j as there are regions, or all', async (words, count) => {
  const data = await worldWith(words)
  expect(await detectConcepts({ engine: nodeEngine, data })).toEqual({
    images: 24,
    count,
    words: words.length,
    regions: 4,
  })
  for (const found of (await readConcepts(conceptsFile(data))).values()) expect(found.words).toHaveLength(count)
})

test('detectConcepts() refuses to find more than the detector knows, and says how many it can', async () => {
  const data = await worldWith(['red', 'dog', 'cat'])
  await expect(detectConcepts({ engine: nodeEngine, data, count: 4 })).rejects.toThrow(
    /^Cannot find 4 concepts of an image: .* knows 3 words; ask for --count 3, or train it on more words$/,
  )
  expect(await detectConcepts({ engine: nodeEngine, data, count: 2 })).toMatchObject({ count: 2 })
})
