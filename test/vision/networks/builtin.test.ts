import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFeatureExtractor } from '../../../src/caption/feature-extractor.ts'
import type { TrainedCaptioner } from '../../../src/caption/trained-captioner.ts'
import { toFloat16 } from '../../../src/formats/float16.ts'
import { sha256 } from '../../../src/formats/sha256.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { PRETRAINED } from '../../../src/hosts/node/pretrained.ts'
import { BUILTIN, openDetector, openNetwork, sourceOf } from '../../../src/vision/index.ts'
import { BUILTIN_FILE } from '../../../src/vision/networks/builtin.ts'
import { openTrainable } from '../../../src/vision/networks/trainable.ts'
import { hasCoco, photographs, planesOf, waves } from './centernet/pictures.ts'

/** The channels that were distilled; the logits of the 80 object classes come after them. */
const DISTILLED = 1024

test('gives a picture 7 x 7 regions, in a batch what it gives alone, and says which file it is', async () => {
  const network = await openNetwork(nodeEngine, BUILTIN)
  const { regions, columns, size } = network
  expect({ regions, columns, size }).toEqual({ regions: 49, columns: 7, size: DISTILLED + 80 })
  expect(network.sha256).toBe(await sha256(await readFile(join(PRETRAINED, BUILTIN_FILE))))
  const planes = await planesOf(await waves(), 320)
  const alone = await network.run(planes, 1)
  expect(alone).toHaveLength(regions * size)
  const twice = await network.run(Float32Array.from([...planes, ...planes]), 2)
  for (const at of [0, 1234, alone.length - 1]) expect(twice[alone.length + at]).toBeCloseTo(alone[at]!, 3)
  const source = sourceOf(network)
  network.release()
  const run = (features: typeof source) => ({ name: 'run', config: { features } }) as TrainedCaptioner
  const extractor = await openFeatureExtractor(nodeEngine, run(source), {})
  const [seen] = await extractor.extract([await extractor.decode(await waves())])
  expect(seen).toHaveProperty('features', toFloat16(alone))
  extractor.release()
  const other = { ...source, network: { ...source.network, sha256: 'aa' } }
  await expect(openFeatureExtractor(nodeEngine, run(other), {})).rejects.toThrow(
    /^Cannot use run "run" with the built-in network: it is not the one .* "npm ci"$/,
  )
})

test.skipIf(!hasCoco)(
  'has channels with about mean 0 and standard deviation 1 over photographs that it was not measured on (needs ../shared)',
  async () => {
    const network = await openNetwork(nodeEngine, BUILTIN)
    const values: number[] = []
    for (const picture of (await photographs()).slice(0, 16))
      values.push(...(await network.run(await planesOf(picture, 320), 1)))
    network.release()
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    expect(Math.abs(mean)).toBeLessThan(0.1)
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    expect(Math.abs(deviation - 1)).toBeLessThan(0.3)
  },
)

test.skipIf(!hasCoco)(
  'the logits of the classes rank the object that the detector, at another size, is surest of among the first (needs ../shared)',
  async () => {
    const network = await openNetwork(nodeEngine, BUILTIN)
    const detector = await openDetector(nodeEngine, BUILTIN)
    const ranks: number[] = []
    for (const picture of (await photographs()).slice(0, 30)) {
      const [surest] = await detector.detect(picture, { least: 1, most: 1 })
      if (surest!.score < 0.5) continue
      const regions = await network.run(await planesOf(picture, 320), 1)
      const highest = Array.from({ length: 80 }, (_, label) =>
        Math.max(...Array.from({ length: 49 }, (__, r) => regions[r * network.size + DISTILLED + label]!)),
      )
      ranks.push(highest.filter((logit) => logit > highest[surest!.label]!).length)
    }
    detector.release()
    network.release()
    expect(ranks.length).toBeGreaterThan(10)
    expect(ranks.filter((rank) => rank < 5).length / ranks.length).toBeGreaterThan(0.65)
  },
)

test('is not trained: its weights have 8 bits', async () => {
  await expect(openTrainable(nodeEngine, BUILTIN)).rejects.toThrow(/^Cannot train network "builtin": .* "centernet"$/)
})
