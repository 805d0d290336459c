// Times a training step and prints one JSON line: median seconds of a step, and peak memory of the process.
// Usage: tsx bench/step.ts <mia: 0 or 1> <images in a batch> <captions per image> [basic model] [device]
import { CPU, parseDevice } from '../src/device.ts'
import { ints } from '../src/formats/host-value.ts'
import { runtimeOn } from '../src/hosts/node/runtime.ts'
import { crossEntropy } from '../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../src/train/optimizer.ts'
import { TrainingState } from '../src/train/state.ts'
import { trainingStep } from '../src/train/step.ts'
import { makeModel, median, sizes, someFeatures, someWords } from './sizes.ts'

const [mia, images, captions] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const basicModel = process.argv[5] ?? 'VisualAttention'
const device = process.argv[6] === undefined ? CPU : parseDevice(process.argv[6])
if (!device) throw new Error(`There is no device "${process.argv[6]}"`)
/** Steps that are timed, after three that warm up. */
const STEPS = 9
const WARM_UP = 3
const model = makeModel(basicModel, mia === 1)
const rows = images * captions
const session = await runtimeOn(device).load(
  trainingStep(model, {
    captions,
    steps: sizes.words,
    objective: crossEntropy(0.1),
    adam: PUBLISHED_ADAM,
    clipping: { kind: 'value', limit: 0.1 },
  }),
)
const state = TrainingState.start([...model.parameters.values()], 1)
const batch = {
  features: someFeatures(images),
  concepts: ints(someWords(images * sizes.regions), [images, sizes.regions]),
  words: ints(someWords(rows * sizes.words), [sizes.words, rows]),
  targets: ints(someWords(rows * sizes.words)),
  positions: ints(Int32Array.from({ length: rows * sizes.words }, (_, i) => i)),
}
const seconds: number[] = []
for (let step = 1; step <= STEPS + WARM_UP; step++) {
  const start = performance.now()
  await state.step(session, batch, { step, seed: 1, learningRate: 5e-4, adam: PUBLISHED_ADAM })
  if (step > WARM_UP) seconds.push((performance.now() - start) / 1000)
}
session.release() // ends the profile that MIA_PROFILE asks for
console.log(JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024 }))
