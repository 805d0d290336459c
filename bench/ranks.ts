// Times a training step that ranks do together, at the sizes of COCO, and the sum of the gradients in it. Rank 0 prints one
// JSON line. It takes seconds for a few images, and minutes for a batch as published.
// Usage: mpirun -n 2 npx tsx bench/ranks.ts [images of each rank, by default 4] [float32 or float16] [basic model]; without
// mpirun: one rank
import { ALONE, type Communicator } from '../src/distributed/communicator.ts'
import { Team } from '../src/distributed/team.ts'
import { ints } from '../src/formats/host-value.ts'
import { MpiCommunicator } from '../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../src/hosts/node/mpi/launch.ts'
import { nodeRuntime } from '../src/hosts/node/runtime.ts'
import { GRADIENT_TYPES } from '../src/train/hyperparameters.ts'
import { crossEntropy } from '../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../src/train/optimizer.ts'
import { SharedSteps } from '../src/train/shared-step.ts'
import { TrainingState } from '../src/train/state.ts'
import { gradientStep } from '../src/train/step.ts'
import { makeModel, median, sizes, someFeatures, someWords } from './sizes.ts'

const images = Number(process.argv[2] ?? 4)
const type = GRADIENT_TYPES.find((each) => each === (process.argv[3] ?? 'float32'))
if (!(images > 0) || !type) throw new Error('Usage: npx tsx bench/ranks.ts [images] [float32 or float16] [basic model]')
const basicModel = process.argv[4] ?? 'VisualAttention'
const captions = 5
/** Steps that are timed, after one that warms up. */
const STEPS = 3

const launch = launchOf(process.env)
const mpi = launch && (await MpiCommunicator.join(launch))
const ranks = mpi ?? ALONE
const { rank, size } = ranks

/** When the first message of a step's sum began and the last one ended, in milliseconds, and the bytes of gradients. */
let sums = { from: Number.POSITIVE_INFINITY, to: 0, bytes: 0 }
async function timed<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  const from = Math.min(sums.from, performance.now())
  const result = await work()
  sums = { from: Math.min(sums.from, from), to: performance.now(), bytes: sums.bytes + bytes }
  return result
}
const watched: Communicator = {
  ...ALONE,
  rank,
  size,
  lost: ranks.lost,
  sum: (data, waiting) => timed(data.byteLength, () => ranks.sum(data, waiting)),
  exchange: (data, into, waiting) => timed(data.byteLength, () => ranks.exchange(data, into, waiting)),
  gather: (data, waiting) => timed(0, () => ranks.gather(data, waiting)),
}

/** The seconds of the smallest sum, of which the network's latency is the most. */
async function latency(): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 50; i++) {
    const start = performance.now()
    await ranks.sum(new Float32Array(1))
    times.push((performance.now() - start) / 1000)
  }
  return median(times)
}

ranks.busy(600) // features and weights are drawn on the main thread
const model = makeModel(basicModel, true)
const parameters = [...model.parameters.values()]
const clipping = { kind: 'value', limit: 0.1 } as const
const steps = await SharedSteps.open(
  nodeRuntime,
  parameters,
  { adam: PUBLISHED_ADAM, clipping },
  new Team(watched),
  type,
)
const objective = crossEntropy(0.1)
const session = await steps.load(gradientStep(model, { captions, steps: sizes.words, objective }, type))
const state = TrainingState.start(parameters, 1)
const rows = images * captions
const batch = {
  features: someFeatures(images),
  concepts: ints(someWords(images * sizes.regions), [images, sizes.regions]),
  words: ints(someWords(rows * sizes.words), [sizes.words, rows]),
  targets: ints(someWords(rows * sizes.words)),
  positions: ints(Int32Array.from({ length: rows * sizes.words }, (_, i) => i)),
  rows: ints(Int32Array.from({ length: rows * sizes.words }, (_, i) => rank * rows * sizes.words + i)),
  rowsTotal: ints(size * rows * sizes.words),
  imagesBefore: ints(rank * images),
  imagesTotal: ints(size * images),
}
const times: { step: number; sum: number }[] = []
for (let step = 1; step <= STEPS + 1; step++) {
  sums = { from: Number.POSITIVE_INFINITY, to: 0, bytes: 0 }
  const start = performance.now()
  await state.step(session, batch, { step, seed: 1, learningRate: 5e-4, adam: PUBLISHED_ADAM })
  if (step > 1) times.push({ step: (performance.now() - start) / 1000, sum: (sums.to - sums.from) / 1000 })
}
const result = {
  ranks: size,
  library: ranks.description.split(': ')[0],
  imagesPerRank: images,
  captionsPerImage: captions,
  type,
  stepSeconds: median(times.map(({ step }) => step)),
  sumSeconds: median(times.map(({ sum }) => sum)),
  sumBytes: sums.bytes,
  latencySeconds: await latency(),
}
if (rank === 0) console.log(JSON.stringify(result))
await mpi?.leave()
