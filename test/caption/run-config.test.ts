import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatRunConfig, parseRunConfig } from '../../src/caption/run-config.ts'
import { assembleCaptioner } from '../../src/caption/trained-captioner.ts'
import { openRun } from '../../src/disk/run.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import type { FeatureSource } from '../../src/vision/feature-source.ts'

const json = (): {
  model: Record<string, unknown>
  training: Record<string, unknown>
  features: Record<string, unknown>
} => JSON.parse(readFileSync(join(PRETRAINED, 'config.json'), 'utf8'))

describe('parseRunConfig()', () => {
  test('reads what formatRunConfig() writes', () => {
    const config = parseRunConfig(json(), 'config.json')
    expect(parseRunConfig(JSON.parse(formatRunConfig(config)), 'config.json')).toEqual(config)
  })

  test('reads format mia-run/1, whose fields had other names', () => {
    const { model, training, features, ...rest } = json()
    const { hiddenSize: dModel, innerSize: dInner, ...restOfModel } = model
    const {
      learningRateDecayStart: decayStart,
      learningRateDecayEvery: halving,
      emaDecay: averageDecay,
      gradientClipping: clipping,
      augmentations: views,
      batchSize: _batchSize,
      ...restOfTraining
    } = training
    const { kind: _, ...grid } = features
    const earlier = {
      ...rest,
      format: 'mia-run/1',
      model: { ...restOfModel, dModel, dInner },
      training: { ...restOfTraining, imagesPerBatch: 16, decayStart, halving, averageDecay, clipping, views },
      features: grid,
    }
    expect(parseRunConfig(earlier, 'config.json')).toEqual(parseRunConfig(json(), 'config.json'))
  })

  test('reads a batch that is counted in images, as configurations had it before batchSize', () => {
    const config = json()
    const { batchSize, ...training } = config.training
    expect(batchSize).toBe(80)
    const earlier = { ...config, training: { ...training, imagesPerBatch: 16 } }
    expect(parseRunConfig(earlier, 'config.json')).toEqual(parseRunConfig(config, 'config.json'))
  })

  const contradictions: readonly (readonly [string, (config: ReturnType<typeof json>) => void, string])[] = [
    [
      'heads that do not divide the hidden size',
      ({ model }) => (model.numHeads = 3),
      'model.hiddenSize is 512 and should be a multiple of model.numHeads, 3',
    ],
    [
      'other regions than its features have',
      ({ model }) => (model.regions = 48),
      'model.regions is 48 and should be features.regions, 49',
    ],
    [
      'another feature size than its features have',
      ({ model }) => (model.featureSize = 10),
      'model.featureSize is 10 and should be features.size, 1104',
    ],
    [
      'padding that a grid never has',
      ({ model }) => (model.paddedRegions = true),
      'model.paddedRegions is true and should be false',
    ],
    [
      'a batch that is no whole number of images',
      ({ training }) => (training.batchSize = 81),
      'training.batchSize is 81 and should be a multiple of training.captionsPerImage, 5',
    ],
    [
      'a million iterations',
      ({ model }) => (model.iterations = 1e6),
      'model.iterations is 1000000 and should be at most 100',
    ],
    ['a dropout of everything', ({ model }) => (model.dropout = 1), 'model.dropout is 1 and should be below 1'],
    [
      'a basic model that is not known',
      ({ model }) => (model.basicModel = 'constructor'),
      'model.basicModel is "constructor"',
    ],
    ['half a head', ({ model }) => (model.numHeads = 0.5), 'model.numHeads is 0.5'],
  ]
  test.each(contradictions)('refuses %s, naming file, field, value and what is wanted', (_, change, message) => {
    const config = json()
    change(config)
    expect(() => parseRunConfig(config, 'runs/va/config.json')).toThrow(`Cannot read "runs/va/config.json": ${message}`)
  })
})

describe('assembleCaptioner()', () => {
  test('refuses a concept detector that does not fit the model', async () => {
    const { detector, weights, ...trained } = await openRun(PRETRAINED)
    const parts = { ...trained, weights: { tensors: weights, path: 'weights.safetensors' } }
    const few = { ...detector!, info: { ...detector!.info, words: detector!.info.words.slice(0, 10) } }
    expect(() => assembleCaptioner({ ...parts, detector: few })).toThrow('takes 49 concepts, and its detector knows 10')
    const features = { ...detector!.info.features, layer: 'another' } as FeatureSource
    const foreign = { ...detector!, info: { ...detector!.info, features } }
    expect(() => assembleCaptioner({ ...parts, detector: foreign })).toThrow('its concept detector takes')
    expect(() => assembleCaptioner({ ...parts, detector: undefined })).toThrow('it has no concept detector')
  })
})
