import { expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { WeightAverage } from '../../src/train/weight-average.ts'

const parameters = [{ name: 'w', shape: [2] }] as unknown as readonly Parameter[]
const weightsAt = (step: number) => new Map([['w', floats([2], Float32Array.of(Math.sin(step), step))]])

/** The sum that the recursion stands for: each look weighs 1 - kept(its own), times what all later looks keep. */
function bySum(decay: number, steps: readonly number[], value: (step: number) => number): number {
  const kept = (step: number) => (step <= 10 ? 0 : Math.min(decay, (1 + step) / (10 + step)) ** 10)
  return steps.reduce(
    (sum, step, i) =>
      sum + steps.slice(i + 1).reduce((weight, later) => weight * kept(later), 1 - kept(step)) * value(step),
    0,
  )
}

for (const decay of [0.5, 0.99])
  test(`the average of weights is the sum over looks, each weighing what the later ones keep of it (decay ${decay})`, () => {
    const average = WeightAverage.of(parameters, decay)
    const steps = Array.from({ length: 40 }, (_, i) => 10 * (i + 1))
    for (const step of steps) average.follow(weightsAt(step), step)
    const [first, second] = floatData(average.weights.get('w'))
    expect(first).toBeCloseTo(bySum(decay, steps, Math.sin), 5)
    expect(second).toBeCloseTo(
      bySum(decay, steps, (step) => step),
      3,
    )
  })

test('a kept average goes on as if it had not been stopped', () => {
  const whole = WeightAverage.of(parameters, 0.99)
  for (const step of [10, 20, 30, 40]) whole.follow(weightsAt(step), step)
  const begun = WeightAverage.of(parameters, 0.99)
  for (const step of [10, 20]) begun.follow(weightsAt(step), step)
  const resumed = WeightAverage.of(parameters, 0.99, begun.tensors)
  for (const step of [30, 40]) resumed.follow(weightsAt(step), step)
  expect(resumed.tensors).toEqual(whole.tensors)
})
