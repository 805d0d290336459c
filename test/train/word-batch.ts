import { floatData, type HostValues, type Runtime, type Session } from '../../src/engine/session.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { type HostValue, ints } from '../../src/formats/host-value.ts'
import type { BasicModelName } from '../../src/models/basic-models.ts'
import { PUBLISHED_MODEL } from '../../src/models/config.ts'
import type { CaptionModel } from '../../src/models/contract.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { imageValues } from '../../src/models/inputs.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { packCaptions } from '../../src/train/pack-captions.ts'
import { type StepResult, TrainingState } from '../../src/train/state.ts'
import { trainingStep } from '../../src/train/step.ts'
import { normals } from '../support/random.ts'

const SIZES = { regions: 3, featureSize: 5, concepts: 3 }
const [IMAGES, VOCABULARY] = [5, 11]
/** Captions of each image. */
export const CAPTIONS = 2
/** Time steps. */
export const STEPS = 4

/** A tiny captioner with dropout as published. */
export const tinyModel = (basicModel: BasicModelName, mia: boolean): CaptionModel =>
  createCaptioner({
    ...PUBLISHED_MODEL,
    ...SIZES,
    basicModel,
    mia,
    paddedRegions: false,
    hiddenSize: 8,
    numHeads: 2,
    innerSize: 16,
    attentionSize: 6,
    layers: 2,
    vocabularySize: VOCABULARY,
  })

/** Initial weights by name. */
export const weightsOf = (model: CaptionModel): Record<string, HostValue> =>
  Object.fromEntries(
    [...TrainingState.start([...model.parameters.values()], 1).weights].map(([name, { shape, data }]) => [
      name,
      { dtype: 'float32', shape, data },
    ]),
  )

const random = normals(11)
const features = toFloat16(Float32Array.from(random(IMAGES * SIZES.regions * SIZES.featureSize)))
const concepts = Int32Array.from({ length: IMAGES * SIZES.concepts }, (_, i) => 4 + (i % 5))
/** Ten captions of 1 to 3 words. */
const captions = Array.from({ length: IMAGES * CAPTIONS }, (_, n) =>
  Array.from({ length: 1 + ((n * 2) % 3) }, (_, t) => 4 + ((n + 3 * t) % (VOCABULARY - 4))),
)

/** The images from `first` up to `end` of a batch of five, with their captions, as the inputs of predict(). */
export const imagesOf = (first = 0, end = IMAGES): HostValues =>
  inputsOf(first, end, captions.slice(first * CAPTIONS, end * CAPTIONS))

/** The image and the words of caption `n` alone, as the inputs of predict() for one caption of each image. */
export const captionOf = (n: number): HostValues => {
  const image = Math.floor(n / CAPTIONS)
  return inputsOf(image, image + 1, captions.slice(n, n + 1))
}

function inputsOf(first: number, end: number, own: readonly (readonly number[])[]): HostValues {
  const packed = packCaptions(own, STEPS, own.length / (end - first))
  const size = SIZES.regions * SIZES.featureSize
  return {
    ...imageValues(
      SIZES,
      features.slice(first * size, end * size),
      concepts.slice(first * SIZES.concepts, end * SIZES.concepts),
    ),
    words: ints(packed.inputs, [STEPS, own.length]),
    targets: ints(packed.targets),
    positions: ints(packed.positions),
  }
}

/** imagesOf() as a shard of the batch of five: with the inputs of gradientStep() that place it in the batch. */
export function shardOf(first = 0, end = IMAGES): HostValues {
  const order = Array.from({ length: STEPS }, (_, t) => captions.flatMap(({ length }, n) => (t <= length ? [n] : [])))
  const numbers = order.flat().flatMap((n, row) => (n >= first * CAPTIONS && n < end * CAPTIONS ? [row] : []))
  return {
    ...imagesOf(first, end),
    rows: ints(Int32Array.from(numbers)),
    rowsTotal: ints(order.flat().length),
    imagesBefore: ints(first),
    imagesTotal: ints(IMAGES),
  }
}

/** Trains a tiny model for some steps on the batch of five. The caller releases state and session. */
export async function trainTiny(
  runtime: Runtime,
  model: CaptionModel,
  steps: number,
): Promise<{ readonly results: readonly StepResult[]; readonly state: TrainingState; readonly session: Session }> {
  const session = await runtime.load(
    trainingStep(model, {
      captions: CAPTIONS,
      steps: STEPS,
      objective: crossEntropy(0.1),
      adam: PUBLISHED_ADAM,
      clipping: { kind: 'value', limit: 0.1 },
    }),
  )
  const state = TrainingState.start([...model.parameters.values()], 1)
  const results: StepResult[] = []
  for (let step = 1; step <= steps; step++)
    results.push(await state.step(session, imagesOf(), { step, seed: 1, learningRate: 5e-4, adam: PUBLISHED_ADAM }))
  return { results, state, session }
}

/** Runs a session with those of the feeds that it takes, and returns its float outputs. */
export async function outputsOf(session: Session, feeds: HostValues): Promise<Record<string, Float32Array>> {
  const taken = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]))
  const outputs = await session.run(taken)
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, floatData(value)]))
}
