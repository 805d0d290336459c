import { expect, test } from 'vitest'
import type { Weights } from '../../src/caption/weights.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { WeightAverage } from '../../src/train/weight-average.ts'

const parameters = [{ name: 'w', shape: [2] }] as unknown as readonly Parameter[]
const vector = (...numbers: number[]): Weights =>
  new Map([['w', { dtype: 'F32' as const, shape: [numbers.length], data: Float32Array.from(numbers) }]])
const weightsAt = (step: number) => vector(Math.sin(step), step)
const begin = (decay: number, step = 0, kept?: Weights) =>
  WeightAverage.start(parameters, decay, { weights: weightsAt(step), step, kept })
const numbers = (average: WeightAverage) => [...average.weights.get('w')!.data]

/** Follows every step from `first` to `last`. */
function follow(average: WeightAverage, first: number, last: number): WeightAverage {
  for (let step = first; step <= last; step++) average.follow(weightsAt(step), step)
  return average
}

/** The recursion as a sum: the weights of each tenth step, times what all later updates keep of them. */
function bySum(decay: number, steps: readonly number[], value: (step: number) => number): number {
  const kept = (step: number) => (step <= 10 ? 0 : Math.min(decay, (1 + step) / (10 + step)) ** 10)
  return steps.reduce(
    (sum, step, i) =>
      sum + steps.slice(i + 1).reduce((weight, later) => weight * kept(later), 1 - kept(step)) * value(step),
    0,
  )
}

for (const decay of [0.5, 0.99])
  test(`the average weighs every tenth step by what the later ones keep of it (decay ${decay})`, () => {
    const [first, second] = numbers(follow(begin(decay), 1, 407))
    const steps = Array.from({ length: 40 }, (_, i) => 10 * (i + 1))
    expect(first).toBeCloseTo(bySum(decay, steps, Math.sin), 5)
    expect(second).toBeCloseTo(
      bySum(decay, steps, (step) => step),
      3,
    )
  })

test('before step 10 the average equals the weights: an epoch of few steps is not validated with zeros', () => {
  const average = begin(0.99)
  expect(numbers(average)).toEqual([...weightsAt(0).get('w')!.data])
  for (const step of [1, 2, 9]) {
    average.follow(weightsAt(step), step)
    expect(numbers(average)).toEqual([...weightsAt(step).get('w')!.data])
  }
})

test('a restored average continues as if training had not stopped', () => {
  const whole = follow(begin(0.99), 1, 40)
  const begun = follow(begin(0.99), 1, 25)
  const resumed = begin(0.99, 25, begun.weights)
  expect(numbers(follow(resumed, 26, 40))).toEqual(numbers(whole))
})

test('the zeros that earlier versions stored as the average before step 10 are replaced by the weights', () => {
  expect(numbers(begin(0.99, 3, vector(0, 0)))).toEqual([...weightsAt(3).get('w')!.data])
})
