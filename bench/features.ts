// Seconds of MobileNetV2 for 64 pictures, decoding included: tsx bench/features.ts <network.onnx> <folder of pictures>. Prints one JSON line.
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FeatureWriter } from '../src/disk/feature-writer.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { extractFeatures, openNetwork, sourceOf } from '../src/vision/index.ts'
import { median } from './sizes.ts'

const [networkPath, folder] = process.argv.slice(2) as [string, string]
const [PICTURES, RUNS] = [64, 5]
const network = await openNetwork(nodeEngine, networkPath)
const images = readdirSync(folder)
  .filter((name) => /\.jpe?g$/i.test(name))
  .slice(0, PICTURES)
  .map((name) => ({ id: name, path: join(folder, name) }))
const seconds: number[] = []
for (let run = 0; run <= RUNS; run++) {
  const out = await mkdtemp(join(tmpdir(), 'mia-bench-'))
  const store = await FeatureWriter.open(out, sourceOf(network))
  const start = performance.now()
  await extractFeatures({ images, network, pictures: nodeEngine.pictures, store })
  if (run > 0) seconds.push((performance.now() - start) / 1000)
  await store.close()
  await rm(out, { recursive: true })
}
console.log(
  JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024, pictures: images.length }),
)
