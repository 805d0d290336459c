// npx tsx bench/centernet.ts: MobileNetV3-CenterNet on 20 pictures of coco-mini: how far from TensorFlow.js, and how fast.
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { normalise, openNetwork } from '../src/vision/index.ts'
import { differences } from '../test/vision/networks/centernet/differences.ts'
import { HEAD, LAYERS } from '../test/vision/networks/centernet/network-files.ts'
import { photographs } from '../test/vision/networks/centernet/pictures.ts'

const PICTURES = 20
const BATCH = 4
const ROUNDS = 10

const files = (await photographs()).slice(0, PICTURES)
for (const [size, nodes] of [
  [320, LAYERS],
  [512, HEAD],
] as const)
  for (const [i, difference] of (await differences(files, size, nodes)).entries())
    process.stdout.write(`${nodes[i]} at ${size}: ${difference.toExponential(1)} of the map's largest number\n`)

const network = await openNetwork(nodeEngine, 'centernet')
const { width, height } = network.input
const length = 3 * width * height
const planes = new Float32Array(BATCH * length)
for (const [i, file] of files.slice(0, BATCH).entries())
  normalise(
    await nodeEngine.pictures.decode(file, network.input),
    network.input,
    planes.subarray(i * length, (i + 1) * length),
  )
const times: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const started = performance.now()
  await network.run(planes, BATCH)
  times.push((performance.now() - started) / BATCH)
}
network.release()
process.stdout.write(`${times.sort((a, b) => a - b)[ROUNDS / 2]!.toFixed(1)} ms a picture, in batches of ${BATCH}\n`)
