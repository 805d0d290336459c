/** A learning rate that is constant at first and then decays exponentially, or one with a warm-up. */
export interface Schedule {
  /** the learning rate of the first epochs; with a warm-up, the highest one */
  readonly learningRate: number
  /** the last epoch at that rate */
  readonly learningRateDecayStart: number
  /** epochs in which the rate then halves */
  readonly learningRateDecayEvery: number
  /** steps of the warm-up; 0 for none */
  readonly learningRateWarmup: number
}

/** The published schedule (section 5.2 of the paper): 5e-4 for 20 epochs, then halved every 50. */
export const PUBLISHED_SCHEDULE: Schedule = {
  learningRate: 5e-4,
  learningRateDecayStart: 20,
  learningRateDecayEvery: 50,
  learningRateWarmup: 0,
}

/**
 * The learning rate of an optimizer step, both it and its epoch counted from 1. Without a warm-up it changes from epoch
 * to epoch only. With a warm-up of w steps it is that of the Transformer (Vaswani et al. 2017, section 5.3, "Noam"): it
 * rises linearly for w steps and then falls with the inverse square root of the step. The published one has its maximum
 * at 1/√(D w), for a hidden size of D; here the maximum is `learningRate`.
 */
export function learningRateAt(
  { epoch, step }: { readonly epoch: number; readonly step: number },
  { learningRate, learningRateDecayStart, learningRateDecayEvery, learningRateWarmup }: Schedule = PUBLISHED_SCHEDULE,
): number {
  if (learningRateWarmup > 0)
    return learningRate * Math.min(step / learningRateWarmup, Math.sqrt(learningRateWarmup / step))
  return learningRate * 0.5 ** (Math.max(0, epoch - learningRateDecayStart) / learningRateDecayEvery)
}
