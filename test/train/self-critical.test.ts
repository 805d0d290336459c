import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData, type HostValues, intData } from '../../src/engine/session.ts'
import { floats, ints } from '../../src/formats/host-value.ts'
import { parseSafetensors } from '../../src/formats/safetensors.ts'
import { div, gradients, input, sum } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import type { OutputLayer } from '../../src/models/output-layer.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { END, START, UNKNOWN } from '../../src/text/vocabulary.ts'
import { ADVANTAGES, selfCritical } from '../../src/train/objectives/self-critical.ts'
import { packTargets } from '../../src/train/pack-captions.ts'
import { CaptionReward, overGreedy, overOtherSamples } from '../../src/train/rewards.ts'
import { samplerModel } from '../../src/train/sampling.ts'
import { peerFile, peerMissing } from '../golden/peers.ts'
import { imagesOf, tinyModel, weightsOf } from './word-batch.ts'

const missing = peerMissing('selfcritical')

test.skipIf(missing)('advantages, loss and gradients are those of the published code', async () => {
  const { tensors, metadata } = parseSafetensors(readFileSync(peerFile('selfcritical')), 'selfcritical')
  const numbers = (name: string) => tensors.get(name)!.data as Float32Array
  const doubles = (name: string) => new Float64Array(tensors.get(name)!.data as unknown as Float64Array)
  const { samples_per_image: samples, length, vocabulary: width } = JSON.parse(metadata.sizes!)
  const seq = Array.from(tensors.get('in.seq')!.data as BigInt64Array, Number)
  const rows = seq.length / length
  // Each word is a row of logits, of which a caption has as many as it has words, and one for the end, id 0.
  const captions = Array.from({ length: rows }, (_, n) => {
    const ids = seq.slice(n * length, (n + 1) * length)
    const end = ids.indexOf(0)
    return end < 0 ? ids : ids.slice(0, end + 1)
  })
  const places = captions.flatMap((ids, n) => ids.map((_, t) => n * length + t))
  // Their id 0 is our <end>, their words follow <unk>; the scores of what is never said must not matter.
  const ours = (id: number): number => (id === 0 ? END : id + UNKNOWN)
  const size = width + UNKNOWN
  const logits = Float32Array.from(
    places.flatMap((place) => {
      const row = new Float32Array(size).fill(5)
      for (let id = 0; id < width; id++) row[ours(id)] = numbers('in.logits')[place * width + id]!
      return [...row]
    }),
  )
  const identity = Float32Array.from({ length: size ** 2 }, (_, i) => Number(i % (size + 1) === 0))
  const hidden = input('hidden', ['P', size])
  const output = { weight: input('weight', [size, size]), bias: input('bias', [size]) } as unknown as OutputLayer
  const words = { hidden, targets: input('targets', ['P'], 'int32'), captions: input('captions', ['P'], 'int32') }
  const loss = div(sum(selfCritical.losses(words, output)), places.length)
  const graph = await CompiledGraph.load(nodeRuntime, { loss, gradient: gradients(loss, [hidden])[0]! })
  const check = async (advantages: Float32Array, name: string, golden: string) => {
    const results = await graph.run({
      hidden: floats([places.length, size], logits),
      weight: floats([size, size], identity),
      bias: floats([size]),
      targets: ints(Int32Array.from(captions.flat(), ours)),
      captions: ints(Int32Array.from(captions.flatMap((ids, n) => ids.map(() => n)))),
      [ADVANTAGES]: floats([rows], advantages),
    })
    expect(floatData(results.loss)[0], name).toBeCloseTo(numbers(`out.${name}.loss`)[0]!, 5)
    const gradient = floatData(results.gradient)
    for (const [i, place] of places.entries())
      for (let id = 0; id < width; id++)
        expect(gradient[i * size + ours(id)], name).toBeCloseTo(
          numbers(`grad.${golden}.logits`)[place * width + id]!,
          6,
        )
  }
  const cider = doubles('in.cider.samples')
  const greedy = overGreedy(cider, doubles('in.cider.greedy'))
  for (const [n, advantage] of greedy.entries())
    expect(advantage).toBeCloseTo(doubles('out.sc.cider.rewards')[n * length]!, 6)
  await check(greedy, 'sc.cider', 'sc.cider')
  const others = overOtherSamples(cider, samples)
  for (const [n, advantage] of others.entries())
    expect(advantage).toBeCloseTo(numbers('out.structure.new_self_critical.advantage')[n]!, 5)
  await check(others, 'structure.new_self_critical', 'structure.new_self_critical')
  graph.release()
})

test('a caption that is cut gets less reward than the same one with its end', () => {
  const references = [[['a', 'dog', 'runs']], [['two', 'cats']]]
  const reward = new CaptionReward(references, 0)
  const [whole, cut] = reward.of(
    [
      ['a', 'dog', 'runs', '<end>'],
      ['a', 'dog', 'runs'],
    ],
    [references[0]!],
  )
  expect(whole).toBeCloseTo(10, 10) // equal to its only reference
  expect(cut).toBeLessThan(whole!)
  const [mixed] = new CaptionReward(references, 0.3).of([['a', 'dog', 'runs', '<end>']], [references[0]!])
  expect(mixed).toBeCloseTo(0.7 * 10 + 0.3, 6)
})

const model = tinyModel('VisualAttention', true)
const SAMPLES = 4

/** Sampled captions `[T][N]`. */
async function sampled(options: { captions: number; steps: number; greedy: boolean }, seed = 1, step = 1) {
  const session = await nodeRuntime.load(samplerModel(model, options))
  const feeds: HostValues = { ...weightsOf(model), ...imagesOf(), seed: ints(seed), step: ints(step) }
  const results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])))
  session.release()
  return results.words!
}

test('samples are a function of seed and step', async () => {
  const options = { captions: SAMPLES, steps: 5, greedy: false }
  const first = intData(await sampled(options))
  expect(intData(await sampled(options))).toEqual(first)
  expect(intData(await sampled(options, 2))).not.toEqual(first)
  expect(intData(await sampled(options, 1, 2))).not.toEqual(first)
})

test('words are drawn as often as they are probable, each given the words before', async () => {
  // Chi-square tests of the first word, and of the second after the most frequent first word.
  const { VOCABULARY, probabilities } = await firstTwoWords()
  const many = { captions: 400, steps: 2, greedy: false }
  const session = await nodeRuntime.load(samplerModel(model, many))
  const first = new Map<number, number>()
  const second = new Map<number, number>()
  let after = 0
  for (let step = 1; step <= 10; step++) {
    const feeds: HostValues = { ...weightsOf(model), ...imagesOf(0, 1), seed: ints(5), step: ints(step) }
    const { words } = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])))
    const ids = intData(words)
    for (let n = 0; n < 400; n++) {
      first.set(ids[n]!, (first.get(ids[n]!) ?? 0) + 1)
      if (ids[n] !== probabilities.given) continue
      after += 1
      second.set(ids[400 + n]!, (second.get(ids[400 + n]!) ?? 0) + 1)
    }
  }
  session.release()
  expect(chiSquare(first, probabilities.first, 4000)).toBeLessThan(LIMIT)
  expect(after).toBeGreaterThan(300)
  expect(chiSquare(second, probabilities.second, after)).toBeLessThan(LIMIT)
  expect([...first.keys()].every((id) => id < VOCABULARY && id !== START && id !== 0 && id !== 3)).toBe(true)
})

/** The 99.99% quantile of chi-square with 7 degrees of freedom: eight words can be said. */
const LIMIT = 29.9

function chiSquare(counts: ReadonlyMap<number, number>, probabilities: ReadonlyMap<number, number>, total: number) {
  let sum = 0
  for (const [id, probability] of probabilities)
    sum += ((counts.get(id) ?? 0) - total * probability) ** 2 / (total * probability)
  return sum
}

/** Probabilities by the search's stepper, renormalised without the words that are never said. */
async function firstTwoWords() {
  const VOCABULARY = model.output.size
  const weights = new Map(
    Object.entries(weightsOf(model)).map(([name, { shape, data }]) => [
      name,
      { dtype: 'float32' as const, shape, data: data as Float32Array },
    ]),
  )
  const { features, concepts } = imagesOf(0, 1)
  const decoder = await ModelDecoder.load(nodeRuntime, model, weights as never)
  const stepper = await decoder.encode(features!.data as Uint16Array, intData(concepts))
  const one = (word: number) => ({
    words: Int32Array.of(word),
    parents: Int32Array.of(0),
    images: Int32Array.of(0),
  })
  const normalised = (ids: Int32Array, logProbs: Float32Array) => {
    const finite = Array.from(ids, (id, i) => [id, Math.exp(logProbs[i]!)] as const).filter(([, p]) => p > 0)
    const total = finite.reduce((sum, [, p]) => sum + p, 0)
    return new Map(finite.map(([id, p]) => [id, p / total]))
  }
  const start = await stepper.step(await stepper.start(1), one(START), VOCABULARY)
  const first = normalised(start.ids, start.logProbs)
  const given = [...first].filter(([id]) => id !== END).sort((a, b) => b[1] - a[1])[0]![0]
  const next = await stepper.step(start.state, one(given), VOCABULARY)
  const probabilities = { first, given, second: normalised(next.ids, next.logProbs) }
  stepper.release()
  await decoder.release()
  return { VOCABULARY, probabilities }
}

test('packTargets() leaves the end out of a caption that was cut', () => {
  expect(
    packTargets(
      [
        [5, 6],
        [5, END],
      ],
      3,
      2,
    ),
  ).toEqual({
    inputs: Int32Array.of(START, START, 5, 5, 0, 0),
    targets: Int32Array.of(5, 5, 6, END),
    positions: Int32Array.of(0, 1, 2, 3),
  })
})
