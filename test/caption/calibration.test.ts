import { describe, expect, test } from 'vitest'
import { calibrated, fitCalibration, type JudgedCaption, reliabilityOf } from '../../src/caption/calibration.ts'
import { Random } from '../../src/random.ts'

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const logit = (p: number) => Math.log(p / (1 - p))

/** Captions of which the share sigmoid(1 + 2 logit(mean)) fits. */
function drawn(count: number): JudgedCaption[] {
  const random = new Random(3, 1)
  return Array.from({ length: count }, () => {
    const mean = 0.1 + 0.6 * random.uniform()
    return { mean, fits: random.uniform() < sigmoid(1 + 2 * logit(mean)) }
  })
}

describe('fitCalibration()', () => {
  test('finds the curve that the captions were drawn from', () => {
    const { intercept, slope } = fitCalibration(drawn(20_000))
    expect(intercept).toBeCloseTo(1, 0.8)
    expect(slope).toBeCloseTo(2, 0.8)
  })

  test('no curve near it has a higher likelihood', () => {
    const captions = drawn(500)
    const positives = captions.filter(({ fits }) => fits).length
    const likelihood = (intercept: number, slope: number) =>
      captions.reduce((sum, { mean, fits }) => {
        const target = fits ? (positives + 1) / (positives + 2) : 1 / (captions.length - positives + 2)
        const p = calibrated({ intercept, slope }, mean)
        return sum + target * Math.log(p) + (1 - target) * Math.log(1 - p)
      }, 0)
    const { intercept, slope } = fitCalibration(captions)
    for (const [a, b] of [
      [0.01, 0],
      [-0.01, 0],
      [0, 0.01],
      [0, -0.01],
    ] as const)
      expect(likelihood(intercept + a, slope + b)).toBeLessThan(likelihood(intercept, slope))
  })

  test.each([
    ['all fit', true],
    ['none fits', false],
  ])('stays finite where %s, or all are equal', (_, fits) => {
    const curve = fitCalibration(Array.from({ length: 9 }, () => ({ mean: 0.4, fits })))
    const confidence = calibrated(curve, 0.4)
    expect(confidence).toBeCloseTo(fits ? 10 / 11 : 1 / 11, 3)
    for (const mean of [0, 1]) expect(calibrated(curve, mean)).toBeGreaterThanOrEqual(0)
  })
})

test('reliabilityOf() is near 0 for captions of such a curve, and finds captions that a curve cannot calibrate', () => {
  const { bins, error } = reliabilityOf(drawn(5000), 10)
  expect(bins).toHaveLength(10)
  expect(bins.every((bin) => bin.captions === 500)).toBe(true)
  expect(error).toBeLessThan(0.03)
  // Captions fit in the middle only: no monotone curve says so.
  const middle = drawn(5000).map(({ mean }) => ({ mean, fits: Math.abs(mean - 0.4) < 0.15 }))
  expect(reliabilityOf(middle, 10).error).toBeGreaterThan(0.3)
})
