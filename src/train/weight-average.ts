import { floatData } from '../engine/session.ts'
import type { HostValue } from '../formats/host-value.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { Parameter } from '../nn/scope.ts'

/** Steps between two looks at the weights: neighbouring steps differ so little that looking at each would only cost time. */
export const AVERAGE_EVERY = 10

/**
 * The exponential moving average of the weights while they are trained (Polyak and Juditsky 1992, as it is used since Adam): it captions better than
 * the weights of any one step, as a smaller learning rate would, without waiting for it. Early on it forgets faster, (1 + t)/(10 + t), so that the
 * first weights, which are noise, leave it.
 */
export class WeightAverage {
  readonly tensors: ReadonlyMap<string, TensorData & { readonly data: Float32Array }>
  readonly #decay: number

  private constructor(tensors: WeightAverage['tensors'], decay: number) {
    this.tensors = tensors
    this.#decay = decay
  }

  /** The average of a run that begins, or that goes on from `kept`; `decay` is what a step leaves of it. */
  static of(parameters: readonly Parameter[], decay: number, kept?: ReadonlyMap<string, TensorData>): WeightAverage {
    const tensors = parameters.map(({ name, shape }) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
      const from = kept?.get(name)
      if (from) data.set(from.data as Float32Array)
      return [name, { dtype: 'F32' as const, shape, data }] as const
    })
    return new WeightAverage(new Map(tensors), decay)
  }

  /** Takes in the weights as they are after step number `step` (the first is 1), a multiple of AVERAGE_EVERY. */
  follow(weights: ReadonlyMap<string, HostValue>, step: number): void {
    const kept = step <= AVERAGE_EVERY ? 0 : Math.min(this.#decay, (1 + step) / (10 + step)) ** AVERAGE_EVERY
    for (const [name, { data }] of this.tensors) {
      const now = floatData(weights.get(name))
      for (let i = 0; i < data.length; i++) data[i] = now[i]! + kept * (data[i]! - now[i]!)
    }
  }

  /** The average as a model takes it. */
  get weights(): ReadonlyMap<string, HostValue> {
    return new Map(
      [...this.tensors].map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
    )
  }
}
