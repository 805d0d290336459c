import { expect, test } from 'vitest'
import { learningRateAt, PUBLISHED_SCHEDULE } from '../../src/train/schedule.ts'

const ofEpochs = (epochs: readonly number[], schedule = PUBLISHED_SCHEDULE) =>
  epochs.map((epoch) => learningRateAt({ epoch, step: 1000 * epoch }, schedule))

test('learningRateAt() is constant for 20 epochs and then halves every 50, as published', () => {
  expect(ofEpochs([1, 19, 20])).toEqual([5e-4, 5e-4, 5e-4])
  const [first, tenth] = ofEpochs([21, 30])
  expect(first).toBeCloseTo(4.931163522466796e-4, 15) // 5e-4 * 0.5 ** (1 / 50)
  expect(tenth).toBeCloseTo(4.352752816480622e-4, 15) // 5e-4 * 0.5 ** (10 / 50)
  expect(ofEpochs([70, 120])).toEqual([2.5e-4, 1.25e-4])
})

test('learningRateAt() decays from the first epoch on if the decay starts at 0', () => {
  const schedule = { learningRate: 1, learningRateDecayStart: 0, learningRateDecayEvery: 1, learningRateWarmup: 0 }
  expect(ofEpochs([1, 2, 3], schedule)).toEqual([0.5, 0.25, 0.125])
})

test('learningRateAt() with a warm-up rises by step and then falls with its root, whatever the epoch', () => {
  const schedule = { ...PUBLISHED_SCHEDULE, learningRate: 1e-3, learningRateWarmup: 100 }
  const at = (step: number, epoch: number) => learningRateAt({ step, epoch }, schedule)
  expect([at(1, 1), at(50, 1), at(100, 1)]).toEqual([1e-5, 5e-4, 1e-3])
  expect([at(400, 2), at(400, 90), at(10_000, 99)]).toEqual([5e-4, 5e-4, 1e-4])
})
