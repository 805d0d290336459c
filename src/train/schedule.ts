/** A learning rate that is constant at first and then decays exponentially. */
export interface Schedule {
  /** the learning rate of the first epochs */
  readonly learningRate: number
  /** the last epoch at that rate */
  readonly learningRateDecayStart: number
  /** epochs in which the rate then halves */
  readonly learningRateDecayEvery: number
}

/** The published schedule (section 5.2 of the paper): 5e-4 for 20 epochs, then halved every 50. */
export const PUBLISHED_SCHEDULE: Schedule = {
  learningRate: 5e-4,
  learningRateDecayStart: 20,
  learningRateDecayEvery: 50,
}

/** The learning rate of an epoch, counted from 1. It changes from epoch to epoch, not from step to step. */
export function learningRateAt(
  epoch: number,
  { learningRate, learningRateDecayStart, learningRateDecayEvery }: Schedule = PUBLISHED_SCHEDULE,
): number {
  return learningRate * 0.5 ** (Math.max(0, epoch - learningRateDecayStart) / learningRateDecayEvery)
}
