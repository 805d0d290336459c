import { describe, expect, test } from 'vitest'
import { ConceptDetector } from '../../src/models/concept-detector.ts'
import { PUBLISHED_MODEL } from '../../src/models/config.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { LstmCaptioner } from '../../src/models/lstm/captioner.ts'
import { constant, type Init, normal, ones, uniform, xavierNormal, xavierUniform, zeros } from '../../src/nn/init.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { Random } from '../../src/random.ts'

/** Initial values with seeded random numbers. */
function draw(init: Init, shape: readonly number[], stream: number): Float32Array {
  const random = new Random(5, stream)
  return init(shape, { normal: () => random.normal(), uniform: () => 2 * random.uniform() - 1 })
}

interface Law {
  readonly law: 'normal' | 'uniform' | 'constant'
  /** the standard deviation, the bound or the value */
  readonly scale: number
}

/** Expects values drawn from a law: mean 0, its deviation, and how far the largest of them is. */
function expectLaw(values: Float32Array, { law, scale }: Law, what: string): void {
  if (law === 'constant') {
    expect(new Set(values), what).toEqual(new Set([Math.fround(scale)]))
    return
  }
  const deviation = law === 'normal' ? scale : scale / Math.sqrt(3)
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  const measured = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  expect(Math.abs(mean) / deviation, `mean of ${what}`).toBeLessThan(5 / Math.sqrt(values.length))
  expect(Math.abs(measured / deviation - 1), `deviation of ${what}`).toBeLessThan(5 / Math.sqrt(2 * values.length))
  if (law === 'uniform') expect(largest, `largest of ${what}`).toBeLessThanOrEqual(scale * (1 + 1e-6))
  else expect(largest / scale, `largest of ${what}`).toBeGreaterThan(2.2)
}

const LAWS: Readonly<Record<string, readonly [Init, Law]>> = {
  zeros: [zeros, { law: 'constant', scale: 0 }],
  ones: [ones, { law: 'constant', scale: 1 }],
  'constant(-2)': [constant(-2), { law: 'constant', scale: -2 }],
  'normal(0.3)': [normal(0.3), { law: 'normal', scale: 0.3 }],
  'uniform(0.3)': [uniform(0.3), { law: 'uniform', scale: 0.3 }],
  'xavierUniform of [30, 70]': [xavierUniform, { law: 'uniform', scale: Math.sqrt(6 / 100) }],
  'xavierNormal of [30, 70]': [xavierNormal, { law: 'normal', scale: Math.sqrt(2 / 100) }],
}

describe('draws from its law', () => {
  for (const [name, [init, law]] of Object.entries(LAWS))
    test(name, () => {
      const values = draw(init, [30, 70], 0)
      expect(values).toHaveLength(2100)
      expectLaw(values, law, name)
    })
})

// sizes that differ, so that a scale from the wrong one shows
const SIZES = { featureSize: 90, hiddenSize: 60, numHeads: 3, innerSize: 150, attentionSize: 37, vocabularySize: 200 }
const FROM = {
  features: { law: 'uniform', scale: 1 / Math.sqrt(90) },
  hidden: { law: 'uniform', scale: 1 / Math.sqrt(60) },
  inner: { law: 'uniform', scale: 1 / Math.sqrt(150) },
  attention: { law: 'uniform', scale: 1 / Math.sqrt(37) },
} as const satisfies Record<string, Law>

/**
 * The law of each parameter of a captioner, by its name: those of PyTorch's layers, uniform in ±1/√in (the LSTM's in
 * ±1/√D), but for MIA's attention (normal, variance 2/(D + D/heads) and Xavier) and the word embedding (normal).
 */
const CAPTIONER: readonly (readonly [RegExp, Law])[] = [
  [/norm\.weight$/, { law: 'constant', scale: 1 }],
  [/norm\.bias$/, { law: 'constant', scale: 0 }],
  [/^words/, { law: 'normal', scale: 1 }],
  [/^encoder\.image/, FROM.features],
  [/attention\.(query|key|value)\.weight$/, { law: 'normal', scale: Math.sqrt(2 / (60 + 20)) }],
  [/mia.*attention\.output\.weight$/, { law: 'normal', scale: Math.sqrt(2 / (60 + 60)) }],
  [/attention\.(query|key|value|output)\.bias$/, FROM.hidden],
  [/feedForward\.inner/, FROM.hidden],
  [/feedForward\.outer/, FROM.inner],
  [/^decoder\.attention\.score/, FROM.attention],
  [/^decoder\./, FROM.hidden],
]

/** Expects the initial values of each parameter to come from the first law whose pattern its name matches. */
function expectLaws(parameters: Iterable<Parameter>, laws: readonly (readonly [RegExp, Law])[]): void {
  for (const [i, { name, shape, init }] of [...parameters].entries())
    expectLaw(draw(init, shape, i), laws.find(([pattern]) => pattern.test(name))![1], name)
}

test('the parameters of a captioner start as published', () => {
  const { parameters } = new LstmCaptioner({
    ...PUBLISHED_MODEL,
    ...SIZES,
    basicModel: 'VisualAttention',
    mia: true,
    miaForm: 'figure',
    regions: 4,
    concepts: 4,
    paddedRegions: false,
  })
  expectLaws(parameters.values(), CAPTIONER)
})

const NEW_MODEL = { ...PUBLISHED_MODEL, ...SIZES, mia: true, regions: 4, concepts: 4, paddedRegions: false, layers: 2 }

test('the parameters of Up-Down start as those of the captioners of the paper', () => {
  const { parameters } = createCaptioner({ ...NEW_MODEL, basicModel: 'UpDown' })
  expectLaws(parameters.values(), CAPTIONER)
})

test("the parameters of the Transformer start as published, Xavier's weights and unit word vectors", () => {
  const { parameters } = createCaptioner({ ...NEW_MODEL, basicModel: 'Transformer' })
  const xavier = (wide: number) => ({ law: 'uniform', scale: Math.sqrt(6 / (60 + wide)) }) as const
  expectLaws(parameters.values(), [
    [/orm\.weight$/, { law: 'constant', scale: 1 }],
    [/orm\.bias$/, { law: 'constant', scale: 0 }],
    [/^words/, { law: 'normal', scale: 1 / Math.sqrt(60) }],
    [/layers.*(query|key|value|output)\.weight$/, xavier(60)],
    [/layers.*(inner|outer)\.weight$/, xavier(150)],
    [/layers.*outer\.bias$/, FROM.inner],
    [/layers.*bias$/, FROM.hidden],
    ...CAPTIONER,
  ])
})

test('the weights of a concept detector start near 0, its probabilities near 0', () => {
  const detector = new ConceptDetector({
    featureSize: 90,
    regions: 2,
    paddedRegions: false,
    vocabularySize: 30,
    dropout: 0,
  })
  expectLaws(detector.parameters.values(), [
    [/weight/, { law: 'normal', scale: 0.01 }],
    [/bias/, { law: 'constant', scale: -6.6 }],
  ])
})
