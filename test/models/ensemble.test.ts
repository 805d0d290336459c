import { afterAll, beforeAll, expect, test } from 'vitest'
import { toFloat16 } from '../../src/formats/float16.ts'
import { floats, type HostValue } from '../../src/formats/host-value.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import type { BasicModelName } from '../../src/models/basic-models.ts'
import { type CaptionerConfig, PUBLISHED_MODEL } from '../../src/models/config.ts'
import type { SearchModel } from '../../src/models/contract.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { ensembleOf } from '../../src/models/ensemble.ts'
import { constrainedChooser, noRepeatedWord, requirementAutomaton, search } from '../../src/search/index.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { START } from '../../src/text/vocabulary.ts'
import { normals } from '../support/random.ts'

const [IMAGES, WORDS, REGIONS, FEATURES] = [3, 12, 3, 5]
const config = (basicModel: BasicModelName, mia: boolean, concepts: number): CaptionerConfig => ({
  ...PUBLISHED_MODEL,
  basicModel,
  mia,
  paddedRegions: false,
  regions: REGIONS,
  featureSize: FEATURES,
  concepts,
  hiddenSize: concepts > 3 ? 8 : 6,
  numHeads: 2,
  innerSize: 16,
  attentionSize: 6,
  layers: 2,
  vocabularySize: WORDS,
})
/** Members of every kind: with and without concepts, with different widths and numbers of concepts. */
const configs = [config('VisualAttention', true, 4), config('Transformer', true, 3), config('UpDown', false, 99)]

const random = normals(5)
const features = toFloat16(Float32Array.from(random(IMAGES * REGIONS * FEATURES)))
const concepts = Int32Array.from({ length: IMAGES * 4 }, (_, i) => 4 + (i % 7))
const firstThree = Int32Array.from({ length: IMAGES * 3 }, (_, i) => concepts[4 * Math.floor(i / 3) + (i % 3)]!)

const weightsOf = (model: SearchModel, seed: number): Map<string, HostValue> => {
  const numbers = normals(seed)
  return new Map(
    [...model.parameters.values()].map(({ name, shape }) => [
      name,
      floats(shape, Float32Array.from(numbers(shape.reduce((a, b) => a * b, 1)))),
    ]),
  )
}

const members = configs.map((each) => createCaptioner(each))
const weights = members.map((model, i) => weightsOf(model, i))
let alone: ModelDecoder[]
let together: ModelDecoder
beforeAll(async () => {
  alone = await Promise.all(members.map((model, i) => ModelDecoder.load(nodeRuntime, model, weights[i]!)))
  const all = weights.flatMap((each, i) => [...each].map(([name, value]) => [`${i}.${name}`, value] as const))
  together = await ModelDecoder.load(nodeRuntime, ensembleOf(configs), new Map(all))
})
afterAll(async () => {
  for (const decoder of [...alone, together]) await decoder.release()
})

/** The probabilities of all words after the words of `path`, for each image. */
async function probabilities(decoder: ModelDecoder, ids: Int32Array, path: readonly number[]): Promise<Float64Array[]> {
  const stepper = await decoder.encode(features, ids)
  const rows = Int32Array.from({ length: IMAGES }, (_, i) => i)
  let state = await stepper.start(IMAGES)
  let found: Float64Array[] = []
  for (const word of [START, ...path]) {
    const input = { words: new Int32Array(IMAGES).fill(word), parents: rows, images: rows }
    const output = await stepper.step(state, input, WORDS)
    state = output.state
    found = Array.from(rows, (image) => {
      const all = new Float64Array(WORDS)
      for (let i = image * WORDS; i < (image + 1) * WORDS; i++) all[output.ids[i]!] = Math.exp(output.logProbs[i]!)
      return all
    })
  }
  stepper.release()
  return found
}

test('gives a word the mean of the probabilities that its members give it', async () => {
  for (const path of [[], [5], [7, 4, 9]]) {
    const each = await Promise.all(
      alone.map((decoder, i) =>
        probabilities(decoder, i === 1 ? firstThree : i === 0 ? concepts : new Int32Array(), path),
      ),
    )
    const mean = each[0]!.map((_, image) =>
      Float64Array.from({ length: WORDS }, (__, word) => each.reduce((sum, all) => sum + all[image]![word]!, 0) / 3),
    )
    for (const [image, found] of (await probabilities(together, concepts, path)).entries())
      for (const [word, probability] of found.entries())
        expect(Math.abs(probability - mean[image]![word]!), `${path} ${word}`).toBeLessThan(1e-5)
  }
})

test('searches with filters and required words as any captioner does', async () => {
  const chooser = constrainedChooser(Array.from({ length: IMAGES }, () => requirementAutomaton([[[11]], [[8], [9]]])))
  const filters = [noRepeatedWord(Array.from({ length: WORDS - 4 }, (_, i) => [i + 4]))]
  const stepper = await together.encode(features, concepts)
  const found = await search(stepper, IMAGES, { beam: 2, maxLength: 6, keep: 1, chooser, filters })
  stepper.release()
  for (const [best] of found) {
    expect(best!.words).toContain(11)
    expect(best!.words.some((word) => word === 8 || word === 9)).toBe(true)
    expect(new Set(best!.words).size).toBe(best!.words.length)
    // the log-probabilities of required words are those of the model, however unlikely they are
    const [image, at] = [found.findIndex(([each]) => each === best), best!.words.indexOf(11)]
    const after = await probabilities(together, concepts, best!.words.slice(0, at))
    expect(best!.wordLogProbs[at]).toBeCloseTo(Math.log(after[image]![11]!), 3)
  }
})

test('captioners of other sizes are refused', () => {
  expect(() => ensembleOf([configs[0]!, { ...configs[1]!, vocabularySize: 13 }])).toThrow('has another vocabulary')
})
