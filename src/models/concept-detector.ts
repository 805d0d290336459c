import { add, clip, count, div, exp, log, matmul, mul, neg, softplus, sub, sum, type Tensor } from '../graph/index.ts'
import { dropout } from '../nn/dropout.ts'
import { constant, normal } from '../nn/init.ts'
import { masked, rowMask } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import { type Parameter, Scope } from '../nn/scope.ts'

/** The sizes and options of a concept detector. */
export interface ConceptDetectorConfig {
  /** numbers per region, F */
  readonly featureSize: number
  /** regions per image, R */
  readonly regions: number
  /** whether some images have fewer regions: then regions of zeros are padding */
  readonly paddedRegions: boolean
  /** number of concepts that it detects, W */
  readonly vocabularySize: number
  /** dropout rate of the features */
  readonly dropout: number
}

/**
 * The concept detector: noisy-OR over regions (Fang et al., CVPR 2015, section 3). A word is in the image if it is in
 * any region: p = 1 - Π_j (1 - σ(z_j)), with the logits z_j = w·x_j + b of region j. Computed as
 * s = -log(1 - p) = Σ_j softplus(z_j), which does not underflow.
 */
export class ConceptDetector {
  /** the sizes and options given */
  readonly config: ConceptDetectorConfig
  /** `weight` `[W, F]` and `bias` `[W]`, by name */
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly #weight: Tensor
  readonly #bias: Tensor

  /** Registers its parameters in `scope`, by default one of its own. */
  constructor(config: ConceptDetectorConfig, scope: Scope = new Scope()) {
    this.config = config
    this.#weight = scope.parameter('weight', [config.vocabularySize, config.featureSize], normal(0.01))
    this.#bias = scope.parameter('bias', [config.vocabularySize], constant(START_BIAS))
    this.parameters = scope.parameters
  }

  /** `features` `[B, R, F]` → s = -log(1 - p) = Σ_j softplus(z_j), `[B, W]`, in nats; dropout needs `noise`. */
  negLogAbsent(features: Tensor, noise?: Noise): Tensor {
    const scores = add(
      matmul(dropout(features, this.config.dropout, noise), this.#weight, { transB: true }),
      this.#bias,
    )
    const each = softplus(scores)
    return sum(this.config.paddedRegions ? masked(each, rowMask(features)) : each, [1])
  }

  /** `features` `[B, R, F]` → the probability p that each word is in the image, `[B, W]`. */
  probabilities(features: Tensor): Tensor {
    return sub(1, exp(neg(this.negLogAbsent(features))))
  }

  /**
   * Binary cross-entropy in nats, summed over words and averaged over images: a scalar. `labels` `[B, W]` are 0 or 1.
   */
  loss(features: Tensor, labels: Tensor, noise?: Noise): Tensor {
    const perWord = this.losses(features, labels, noise)
    return div(sum(perWord), count(perWord, [0]))
  }

  /** The binary cross-entropy of each word of each image in nats, `[B, W]`; `labels` `[B, W]` are 0 or 1. */
  losses(features: Tensor, labels: Tensor, noise?: Noise): Tensor {
    const negLogAbsent = this.negLogAbsent(features, noise)
    // log p = log(1 - e^-s); its gradient is about 1/s, which would explode below 1e-6
    const logPresent = log(sub(1, exp(neg(clip(negLogAbsent, 1e-6, 80)))))
    return sub(mul(sub(1, labels), negLogAbsent), mul(labels, logPresent))
  }
}

/** The published initial bias: p is small at the start of training. */
const START_BIAS = -6.6
