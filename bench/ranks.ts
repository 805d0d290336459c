// Times a training step that ranks do together, at the sizes of COCO, and its parts: the gradients, their sum over the
// ranks and the update. Rank 0 prints one JSON line.
// Usage: mpirun -n 2 npx tsx bench/ranks.ts <mia: 0 or 1> <images of each rank> <captions per image> [basic model]; without
// mpirun: one rank
import { ALONE, type Communicator } from '../src/distributed/communicator.ts'
import { Team } from '../src/distributed/team.ts'
import { ints } from '../src/formats/host-value.ts'
import { MpiCommunicator } from '../src/hosts/node/mpi/communicator.ts'
import { launchOf } from '../src/hosts/node/mpi/launch.ts'
import { nodeRuntime } from '../src/hosts/node/runtime.ts'
import { crossEntropy } from '../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../src/train/optimizer.ts'
import { SharedSteps } from '../src/train/shared-step.ts'
import { TrainingState } from '../src/train/state.ts'
import { gradientStep } from '../src/train/step.ts'
import { makeModel, median, sizes, someFeatures, someWords } from './sizes.ts'

const [mia, images, captions] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const basicModel = process.argv[5] ?? 'VisualAttention'
/** Steps that are timed, after two that warm up. */
const STEPS = 9

const launch = launchOf(process.env)
const mpi = launch && (await MpiCommunicator.join(launch))
const ranks = mpi ?? ALONE
const { rank, size } = ranks

/** Seconds and bytes of the sums of a step. */
let sums = { seconds: 0, bytes: 0 }
const timed: Communicator = {
  ...ALONE,
  rank,
  size,
  lost: ranks.lost,
  async sum(data, waiting) {
    const start = performance.now()
    await ranks.sum(data, waiting)
    sums = { seconds: Math.max(sums.seconds, (performance.now() - start) / 1000), bytes: sums.bytes + data.byteLength }
  },
}

/** The seconds of the smallest sum, of which the network's latency is the most. */
async function latency(): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const start = performance.now()
    await ranks.sum(new Float32Array(1))
    times.push((performance.now() - start) / 1000)
  }
  return median(times)
}

const model = makeModel(basicModel, mia === 1)
const parameters = [...model.parameters.values()]
const clipping = { kind: 'value', limit: 0.1 } as const
const steps = await SharedSteps.open(nodeRuntime, parameters, { adam: PUBLISHED_ADAM, clipping }, new Team(timed))
const session = await steps.load(gradientStep(model, { captions, steps: sizes.words, objective: crossEntropy(0.1) }))
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
for (let step = 1; step <= STEPS + 2; step++) {
  sums = { seconds: 0, bytes: 0 }
  const start = performance.now()
  await state.step(session, batch, { step, seed: 1, learningRate: 5e-4, adam: PUBLISHED_ADAM })
  if (step > 2) times.push({ step: (performance.now() - start) / 1000, sum: sums.seconds })
}
const result = {
  ranks: size,
  library: ranks.description.split(': ')[0],
  imagesPerRank: images,
  captionsPerImage: captions,
  stepSeconds: median(times.map(({ step }) => step)),
  sumSeconds: median(times.map(({ sum }) => sum)),
  sumBytes: sums.bytes,
  latencySeconds: await latency(),
}
if (rank === 0) console.log(JSON.stringify(result))
await mpi?.leave()
