import { describe, expect, test } from 'vitest'
import { captionBatch } from '../../src/caption/caption-all.ts'
import { Explainer } from '../../src/caption/explainer.ts'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData, intData } from '../../src/engine/session.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { input, logSoftmax } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { BASIC_MODEL_NAMES, BASIC_MODELS, type BasicModelName } from '../../src/models/basic-models.ts'
import { PUBLISHED_MODEL } from '../../src/models/config.ts'
import type { CaptionModel } from '../../src/models/contract.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { force } from '../../src/models/force.ts'
import { imageInputs, imageValues } from '../../src/models/inputs.ts'
import type { Filter } from '../../src/search/index.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { search } from '../../src/search/search.ts'
import { START, Vocabulary } from '../../src/text/vocabulary.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { type AdamOptions, adamRates } from '../../src/train/optimizer.ts'
import { packCaptions } from '../../src/train/pack-captions.ts'
import { samplerModel } from '../../src/train/sampling.ts'
import { trainingStep } from '../../src/train/step.ts'
import { momentNames } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'
import { GruCaptioner } from './gru-captioner.ts'

const SIZES = { regions: 3, featureSize: 5, concepts: 3 }
const [IMAGES, WORDS, WIDTH] = [4, 9, 8]
const FORBIDDEN = [4, 6]
const ADAM: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

const captioner = (basicModel: BasicModelName, mia: boolean): CaptionModel =>
  createCaptioner({
    ...PUBLISHED_MODEL,
    ...SIZES,
    basicModel,
    mia,
    paddedRegions: false,
    hiddenSize: WIDTH,
    numHeads: 2,
    innerSize: 16,
    attentionSize: 6,
    layers: 2,
    vocabularySize: WORDS,
  })

/** The names of the captioners that attend, as `models` has them. */
const ATTENDING = new Set(
  BASIC_MODEL_NAMES.filter((name) => BASIC_MODELS[name].attention).flatMap((name) => [name, `${name} with MIA`]),
)

/** Every captioner there is, and one that only implements step(). */
const models: readonly (readonly [string, () => CaptionModel])[] = [
  ...BASIC_MODEL_NAMES.flatMap((name) =>
    [false, true].map((mia) => [`${name}${mia ? ' with MIA' : ''}`, () => captioner(name, mia)] as const),
  ),
  ['a GRU', () => new GruCaptioner(SIZES, WIDTH, WORDS)],
]

const random = normals(11)
const features = toFloat16(Float32Array.from(random(IMAGES * SIZES.regions * SIZES.featureSize)))
const concepts = Int32Array.from({ length: IMAGES * SIZES.concepts }, (_, i) => 4 + (i % 5))

const weightsOf = (model: CaptionModel): Map<string, HostValue> => {
  const numbers = normals(3)
  return new Map(
    [...model.parameters.values()].map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [
        name,
        floats(
          shape,
          Float32Array.from(numbers(size), (x) => x / 2),
        ),
      ]
    }),
  )
}

/** Log-probabilities of every next word by teacher forcing, one caption an image: `[images, steps, WORDS]`. */
async function forced(model: CaptionModel, captions: readonly (readonly number[])[]): Promise<Float32Array> {
  const steps = Math.max(...captions.map(({ length }) => length))
  const words = new Int32Array(steps * IMAGES)
  for (const [i, caption] of captions.entries())
    for (const [t, word] of [START, ...caption].slice(0, steps).entries()) words[t * IMAGES + i] = word
  const encoded = model.encode(imageInputs(model.inputs))
  const { hidden } = force(model, input('words', [steps, 'B'], 'int32'), encoded, 1)
  const graph = await CompiledGraph.load(
    nodeRuntime,
    { logProbs: logSoftmax(model.output.logits(hidden)) },
    weightsOf(model),
  )
  const feeds = { ...imageValues(model.inputs, features, concepts), words: ints(words, [steps, IMAGES]) }
  const { logProbs } = await graph.run(feeds)
  graph.release()
  return floatData(logProbs)
}

/** Compares the log-probabilities of the words of captions, one an image, with those of teacher forcing. */
async function expectForcedScores(
  model: CaptionModel,
  captions: readonly { readonly words: readonly number[]; readonly wordLogProbs: ArrayLike<number> }[],
): Promise<void> {
  const scores = await forced(
    model,
    captions.map(({ words }) => words),
  )
  const steps = scores.length / IMAGES / WORDS
  for (const [i, { words, wordLogProbs }] of captions.entries())
    for (const [t, word] of words.entries())
      expect(wordLogProbs[t]).toBeCloseTo(scores[(i * steps + t) * WORDS + word]!, 4)
}

describe.each(models)('%s', (name, make) => {
  test('says greedily in one graph, two rows an image, what search says step by step', async () => {
    const model = make()
    const weights = weightsOf(model)
    const decoder = await ModelDecoder.load(nodeRuntime, model, weights)
    const stepper = await decoder.encode(features, concepts)
    const found = await search(stepper, IMAGES, { beam: 1, maxLength: 6 })
    stepper.release()
    await decoder.release()
    const session = await nodeRuntime.load(samplerModel(model, { captions: 2, steps: 6, greedy: true }))
    const feeds: Record<string, HostValue> = {
      ...Object.fromEntries(weights),
      ...imageValues(model.inputs, features, concepts),
    }
    const { words } = await session.run(Object.fromEntries(session.inputNames.map((key) => [key, feeds[key]!])))
    session.release()
    const said = intData(words!)
    for (const [image, [best]] of found.entries())
      for (const row of [2 * image, 2 * image + 1]) {
        const caption = Array.from({ length: 6 }, (_, t) => said[t * 2 * IMAGES + row]!)
        expect(caption.slice(0, best!.words.length)).toEqual(best!.words)
      }
  })

  test('explains each word by attention that sums to 1 and depends on the words before alone', async () => {
    const model = make()
    const explainer = await Explainer.load(nodeRuntime, model, weightsOf(model), 5)
    const explained = async (caption: number[]) =>
      (await explainer.explain(features, concepts, Array(IMAGES).fill(caption)))[1]!.words
    const [one, other] = [await explained([4, 5, 6, 7]), await explained([4, 8, 6])]
    explainer.release()
    expect(one !== undefined).toBe(ATTENDING.has(name))
    if (!one || !other) return
    expect(one).toHaveLength(4)
    for (const map of one) expect(map.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
    for (const t of [0, 1]) for (const [i, x] of one[t]!.entries()) expect(x).toBeCloseTo(other[t]![i]!, 6)
    expect(one[2]).not.toEqual(other[2])
  })

  test('scores the captions that search finds as teacher forcing does', async () => {
    const model = make()
    const decoder = await ModelDecoder.load(nodeRuntime, model, weightsOf(model))
    const stepper = await decoder.encode(features, concepts)
    const found = await search(stepper, IMAGES, { beam: 3, maxLength: 6 })
    stepper.release()
    await decoder.release()
    for (let rank = 0; rank < 3; rank++)
      await expectForcedScores(
        model,
        found.map((each) => each[rank]!),
      )
  })

  test('forbidden words never come, and allowed ones keep their probabilities', async () => {
    const model = make()
    const decoder = await ModelDecoder.load(nodeRuntime, model, weightsOf(model))
    const stepper = await decoder.encode(features, concepts)
    const forbidding: Filter = {
      apply({ frontier }, penalties) {
        for (let row = 0; row < frontier.rows; row++)
          for (const word of FORBIDDEN) penalties.add(row, word, Number.NEGATIVE_INFINITY)
      },
    }
    const found = await search(stepper, IMAGES, { beam: 3, maxLength: 5, filters: [forbidding] })
    stepper.release()
    await decoder.release()
    const captions = found.map(([best]) => best!)
    expect(captions.flatMap(({ words }) => words).filter((word) => FORBIDDEN.includes(word))).toEqual([])
    await expectForcedScores(model, captions)
  })
})

test('a model that only implements step() is trained, searched, captioned and explained by the same code', async () => {
  const model = new GruCaptioner(SIZES, 16, WORDS)
  const parameters = [...model.parameters.values()]
  const clipping = { kind: 'none' } as const
  const captions = [[4, 5], [5, 6, 7], [6], [7, 8, 4, 5]]
  const steps = Math.max(...captions.map(({ length }) => length)) + 1
  const session = await nodeRuntime.load(
    trainingStep(model, { captions: 1, steps, objective: crossEntropy(0), adam: ADAM, clipping }),
  )
  const numbers = normals(5)
  const state: Record<string, HostValue> = {}
  for (const { name, shape } of parameters) {
    const size = shape.reduce((a, b) => a * b, 1)
    state[name] = floats(
      shape,
      Float32Array.from(numbers(size), (x) => x / 3),
    )
    for (const moment of Object.values(momentNames(name))) state[moment] = floats(shape)
  }
  const packed = packCaptions(captions, steps, 1)
  const { features: images } = imageValues(SIZES, features, concepts)
  const batch = {
    features: images,
    words: ints(packed.inputs, [steps, IMAGES]),
    targets: ints(packed.targets),
    positions: ints(packed.positions),
  }
  const into = Object.fromEntries(Object.entries(state).map(([name, value]) => [`next.${name}`, value]))
  let loss = Number.POSITIVE_INFINITY
  for (let step = 1; step <= 300; step++) {
    const { stepSize, epsilon } = adamRates(step, 0.01, ADAM)
    const scalars = { stepSize: floats([], Float32Array.of(stepSize)), epsilon: floats([], Float32Array.of(epsilon)) }
    const feeds: Record<string, HostValue> = { ...state, ...batch, ...scalars, seed: ints(1), step: ints(step) }
    const results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])), {
      into,
    })
    loss = floatData(results.loss)[0]!
  }
  session.release()
  expect(loss).toBeLessThan(0.05)
  const weights = new Map(parameters.map(({ name }) => [name, state[name]!]))
  const vocabulary = Vocabulary.build([['a', 'b', 'c', 'd', 'e'].flatMap((word) => Array<string>(5).fill(word))])
  const decoder = await ModelDecoder.load(nodeRuntime, model, weights)
  const found = await captionBatch(decoder, { images: IMAGES, features, concepts }, vocabulary, { beam: 2 })
  await decoder.release()
  expect(found.map(({ words }) => words)).toEqual(captions)
  const explainer = await Explainer.load(nodeRuntime, model, weights, 5)
  const [explanation] = await explainer.explain(features, concepts, captions)
  explainer.release()
  expect(explanation).toEqual({ words: undefined, alignment: undefined })
})
