// Times a self-critical training step (samples, rewards, update) and prints one JSON line: median seconds of a step, and
// peak memory of the process. Usage: tsx bench/self-critical.ts <mia: 0 or 1> <images> <samples per image> [basic model]
// [device]
import { CPU, parseDevice } from '../src/device.ts'
import { ints } from '../src/formats/host-value.ts'
import { runtimeOn } from '../src/hosts/node/runtime.ts'
import { BASIC_MODELS, type BasicModelName } from '../src/models/basic-models.ts'
import { Vocabulary } from '../src/text/vocabulary.ts'
import type { Batch } from '../src/train/batches.ts'
import { selfCritical } from '../src/train/objectives/self-critical.ts'
import { PUBLISHED_ADAM } from '../src/train/optimizer.ts'
import { CaptionReward } from '../src/train/rewards.ts'
import { SelfCriticalSampler } from '../src/train/self-critical.ts'
import { TrainingState } from '../src/train/state.ts'
import { trainingStep } from '../src/train/step.ts'
import { StepSessions } from '../src/train/step-sessions.ts'
import { makeModel, median, sizes, someFeatures, someWords } from './sizes.ts'

const [mia, images, samples] = process.argv.slice(2, 5).map(Number) as [number, number, number]
const basicModel = (process.argv[5] ?? 'VisualAttention') as BasicModelName
if (!(basicModel in BASIC_MODELS)) throw new Error(`There is no basic model "${basicModel}"`)
const device = process.argv[6] === undefined ? CPU : parseDevice(process.argv[6])
if (!device) throw new Error(`There is no device "${process.argv[6]}"`)
const runtime = runtimeOn(device)
/** Steps that are timed, after two that warm up. */
const STEPS = 7
const model = makeModel(basicModel, mia === 1)
const words = Array.from({ length: sizes.vocabulary - 4 }, (_, i) => `word${i}`)
const vocabulary = Vocabulary.build([words], { minCount: 1 })
const references = Array.from({ length: images }, () =>
  Array.from({ length: 5 }, () => Array.from(someWords(10), (id) => vocabulary.words[id]!)),
)
const sampler = new SelfCriticalSampler(runtime, () => model, {
  vocabulary,
  reward: new CaptionReward(references, 0),
  baseline: 'samples',
  samples,
  maxLength: sizes.words,
  seed: 1,
})
const adam = PUBLISHED_ADAM
const clipping = { kind: 'value', limit: 0.1 } as const
const sessions = new StepSessions(runtime, ({ steps }) =>
  trainingStep(model, { captions: samples, steps, objective: selfCritical, adam, clipping }),
)
const state = TrainingState.start([...model.parameters.values()], 1)
const batch: Batch = {
  images: Int32Array.from({ length: images }, (_, i) => i),
  augmentations: new Int32Array(images),
  captions: new Int32Array(images * samples),
  steps: sizes.words,
  regions: sizes.regions,
}
const inputs = {
  features: someFeatures(images),
  concepts: ints(someWords(images * sizes.regions), [images, sizes.regions]),
}
const seconds: number[] = []
for (let step = 1; step <= STEPS + 2; step++) {
  const start = performance.now()
  const sampled = await sampler.sample({ inputs, batch, references, step, weights: state.feeds })
  const session = await sessions.for({ steps: sampled.steps, regions: sizes.regions })
  await state.step(session, sampled.values, { step, seed: 1, learningRate: 5e-5, adam })
  if (step > 2) seconds.push((performance.now() - start) / 1000)
}
console.log(JSON.stringify({ seconds: median(seconds), peakMB: process.resourceUsage().maxRSS / 1024 }))
