/** The hyperparameters of Adam. */
export interface AdamOptions {
  /** decay of the first moment */
  readonly beta1: number
  /** decay of the second moment */
  readonly beta2: number
  /** added to the root of the second moment */
  readonly epsilon: number
}

/** The published optimizer (section 5.2 of the paper; epsilon is PyTorch's default). */
export const PUBLISHED_ADAM: AdamOptions = { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 }

/** The published batches and regularisation (section 5.2 of the paper, and code), and the epochs of our runs. */
export const PUBLISHED_TRAINING = {
  epochs: 30,
  /** captions in a batch */
  batchSize: 80,
  captionsPerImage: 5,
  labelSmoothing: 0.1,
  objective: { kind: 'cross-entropy' },
  gradientClipping: { kind: 'value', limit: 0.1 },
} as const

/**
 * Self-critical training: the learning rate of Rennie et al. (2017, section 5), and the baseline that Luo
 * (arXiv:2003.09971) found to be better than theirs.
 */
export const SELF_CRITICAL = { learningRate: 5e-5, baseline: 'samples', bleuReward: 0 } as const

/** The types in which ranks send each other gradients. */
export const GRADIENT_TYPES = ['float32', 'float16'] as const
/** The type in which ranks send each other gradients. */
export type GradientType = (typeof GRADIENT_TYPES)[number]
