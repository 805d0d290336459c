import { expect, test } from 'vitest'
import { learningRateAt } from '../../src/train/schedule.ts'

test('learningRateAt() stays for 20 epochs and then halves every 50, as published', () => {
  expect([1, 20].map((epoch) => learningRateAt(epoch))).toEqual([5e-4, 5e-4])
  expect(learningRateAt(30)).toBeCloseTo(4.352752816480622e-4, 15) // 5e-4 * 0.5 ** 0.2
  expect(learningRateAt(70)).toBe(2.5e-4)
  expect(learningRateAt(12, { learningRate: 1, learningRateDecayStart: 10, learningRateDecayEvery: 1 })).toBe(0.25)
})
