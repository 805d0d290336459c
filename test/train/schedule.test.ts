import { expect, test } from 'vitest'
import { learningRateAt } from '../../src/train/schedule.ts'

test('learningRateAt() is constant for 20 epochs and then halves every 50, as published', () => {
  expect([1, 19, 20].map((epoch) => learningRateAt(epoch))).toEqual([5e-4, 5e-4, 5e-4])
  expect(learningRateAt(21)).toBeCloseTo(4.931163522466796e-4, 15) // 5e-4 * 0.5 ** (1 / 50)
  expect(learningRateAt(30)).toBeCloseTo(4.352752816480622e-4, 15) // 5e-4 * 0.5 ** (10 / 50)
  expect([70, 120].map((epoch) => learningRateAt(epoch))).toEqual([2.5e-4, 1.25e-4])
})

test('learningRateAt() decays from the first epoch on if the decay starts at 0', () => {
  const schedule = { learningRate: 1, learningRateDecayStart: 0, learningRateDecayEvery: 1 }
  expect([1, 2, 3].map((epoch) => learningRateAt(epoch, schedule))).toEqual([0.5, 0.25, 0.125])
})
