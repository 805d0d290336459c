import type { Weights } from '../caption/weights.ts'
import type { Parameter } from '../nn/scope.ts'

/**
 * Steps between two updates of the average: neighbouring weights differ so little that updating at each only costs
 * time.
 */
const EVERY = 10

/**
 * The exponential moving average (EMA) of the weights during training (Polyak and Juditsky, 1992). It captions better
 * than the weights of any one step, as a lower learning rate would, without the wait. The decay is lower at first,
 * (1 + t)/(10 + t) at step t, so that the average forgets the initial weights. Before step 10 it equals the weights.
 */
export class WeightAverage {
  /** the averaged weights, not copied: follow() overwrites them */
  readonly weights: Weights
  readonly #decay: number

  private constructor(weights: Weights, decay: number) {
    this.weights = weights
    this.#decay = decay
  }

  /**
   * The average of a run at step `step`: `kept`, the average of a checkpoint, or, before step 10 or without one, a copy
   * of the current weights. `decay` is the share of the average that a step keeps.
   */
  static start(
    parameters: readonly Parameter[],
    decay: number,
    { weights, step, kept }: { weights: Weights; step: number; kept?: Weights | undefined },
  ): WeightAverage {
    const from = (step >= EVERY && kept) || weights
    const copies = parameters.map(
      ({ name, shape }) => [name, { dtype: 'F32' as const, shape, data: from.get(name)!.data.slice() }] as const,
    )
    return new WeightAverage(new Map(copies), decay)
  }

  /**
   * Whether follow() needs the weights after step `step`, counted from 1: after step 10 only every tenth step counts.
   */
  follows(step: number): boolean {
    return step <= EVERY || step % EVERY === 0
  }

  /** Updates the average with the weights after step `step`, if it counts. */
  follow(weights: Weights, step: number): void {
    if (!this.follows(step)) return
    const kept = step <= EVERY ? 0 : Math.min(this.#decay, (1 + step) / (10 + step)) ** EVERY
    for (const [name, { data }] of this.weights) {
      const now = weights.get(name)!.data
      for (let i = 0; i < data.length; i++) data[i] = now[i]! + kept * (data[i]! - now[i]!)
    }
  }
}
