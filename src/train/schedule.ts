/** How the learning rate falls: constant up to an epoch, from there halved every so many epochs, without steps. */
export interface Schedule {
  readonly learningRate: number
  readonly learningRateDecayStart: number
  readonly learningRateDecayEvery: number
}

/** As published: 5e-4 for 20 epochs, then halved every 50. */
export const published: Schedule = { learningRate: 5e-4, learningRateDecayStart: 20, learningRateDecayEvery: 50 }

/** The learning rate of an epoch; the first is epoch 1. */
export function learningRateAt(
  epoch: number,
  { learningRate, learningRateDecayStart, learningRateDecayEvery }: Schedule = published,
): number {
  return learningRate * 0.5 ** (Math.max(0, epoch - learningRateDecayStart) / learningRateDecayEvery)
}
