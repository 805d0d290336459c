import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { parseRunConfig } from '../../src/caption/run-config.ts'
import { choicesOf, options, type TrainValues } from '../../src/cli/commands/train-options.ts'
import type { Option } from '../../src/cli/options.ts'
import { smallConfig } from '../support/small-run.ts'

const entries = Object.entries<Option<unknown>>(options)
const defaults = Object.fromEntries(entries.map(([name, { settings }]) => [name, settings.default])) as TrainValues

/** A configuration as parsed JSON, with the choices of these options. */
function configOf(values: TrainValues): unknown {
  const { model, training } = choicesOf('data', values)
  const small = smallConfig()
  return { format: 'mia-run/2', ...small, model: { ...small.model, ...model, concepts: 2 }, training }
}

test('the defaults are the published hyperparameters', () => {
  const { model, training } = choicesOf('data', defaults)
  expect(model).toMatchObject({
    hiddenSize: 512,
    numHeads: 8,
    innerSize: 2048,
    attentionSize: 49,
    iterations: 2,
    layers: 6,
  })
  expect(model).toMatchObject({
    dropout: 0.5,
    miaDropout: 0.1,
    miaForm: 'code',
    conceptConfidences: false,
    miaAttention: 'mutual',
  })
  expect(training).toEqual({
    ...{ seed: 1, epochs: 30, batchSize: 80, captionsPerImage: 5, augmentations: 0 },
    ...{ learningRate: 5e-4, learningRateDecayStart: 20, learningRateDecayEvery: 50, learningRateWarmup: 0 },
    objective: { kind: 'cross-entropy' },
    ...{ labelSmoothing: 0.1, emaDecay: 0, gradientClipping: { kind: 'value', limit: 0.1 } },
    adam: { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 },
    ...{ beam: 3, maxLength: 20 },
  })
})

const limited = entries.flatMap(([name, { parse, settings }]) => {
  const limit = settings.max ?? 1e6
  return parse &&
    typeof settings.default === 'number' &&
    Number.isInteger(settings.default) &&
    refuses(parse, limit + 1)
    ? [{ name, limit }]
    : []
})

function refuses(parse: (text: string) => unknown, value: number): boolean {
  try {
    parse(String(value))
    return false
  } catch {
    return true
  }
}

test('a run can be read again with the largest value that each option takes, and with no larger one', () => {
  expect(limited.map(({ name }) => name)).toEqual(expect.arrayContaining(['numHeads', 'innerSize', 'maxLength']))
  for (const { name, limit } of limited.filter(({ name }) => !['emaDecay', 'seed', 'bleuReward'].includes(name))) {
    const fitting = {
      hiddenSize: { numHeads: 1 },
      numHeads: { hiddenSize: limit },
      captionsPerImage: { batchSize: limit },
    }[name]
    const values = { ...defaults, ...fitting }
    expect(() => parseRunConfig(configOf({ ...values, [name]: limit }), 'config.json'), name).not.toThrow()
    expect(() => parseRunConfig(configOf({ ...values, [name]: limit + 1 }), 'config.json'), name).toThrow(name)
  }
})

test('mia --help loads none of the modules that compute', () => {
  const source = join(import.meta.dirname, '../../src')
  const loaded = new Set<string>()
  const packages = new Set<string>()
  const load = (file: string): void => {
    if (loaded.has(file)) return
    loaded.add(file)
    const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type\b)[^'"]*?from '([^']+)'/gms)
    for (const [, name] of imports) name!.startsWith('.') ? load(join(dirname(file), name!)) : packages.add(name!)
  }
  load(join(source, 'cli', 'main.ts'))
  expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual([])
  const parts = new Set([...loaded].map((file) => relative(source, file).split(/[\\/]/)[0]))
  for (const part of ['graph', 'nn', 'onnx', 'engine', 'hosts', 'data']) expect(parts).not.toContain(part)
})
