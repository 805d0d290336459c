import { add, clip, count, div, exp, log, matmul, mul, neg, softplus, sub, sum } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout } from '../nn/dropout.ts'
import { constantly, normal } from '../nn/init.ts'
import { masked, rowMask } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import { type Parameter, Scope } from '../nn/scope.ts'

export interface ConceptDetectorConfig {
  /** numbers that describe a region */
  readonly featureSize: number
  readonly regions: number
  /** do images have fewer regions than that? Then regions of zeros are padding */
  readonly paddedRegions: boolean
  /** how many words it knows */
  readonly words: number
  /** dropout of the features */
  readonly dropout: number
}

/**
 * The detector of words by noisy-OR over regions (Fang et al., CVPR 2015, section 3): a word is in the image if it is
 * in any region, p = 1 - Π_j (1 - σ(z_j)), with z_j = w·x_j + b. Kept as s = -log(1 - p) = Σ_j softplus(z_j), which
 * does not underflow.
 */
export class ConceptDetector {
  readonly config: ConceptDetectorConfig
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly #weight: Tensor
  readonly #bias: Tensor

  constructor(config: ConceptDetectorConfig) {
    const scope = new Scope()
    this.config = config
    this.#weight = scope.parameter('weight', [config.words, config.featureSize], normal(0.01))
    this.#bias = scope.parameter('bias', [config.words], constantly(START_BIAS))
    this.parameters = scope.parameters
  }

  /** `features` `[B, R, F]` → s = -log(1 - p) `[B, words]`: the more, the surer. */
  evidence(features: Tensor, noise?: Noise): Tensor {
    const scores = add(
      matmul(dropout(features, this.config.dropout, noise), this.#weight, { transB: true }),
      this.#bias,
    )
    const each = softplus(scores)
    return sum(this.config.paddedRegions ? masked(each, rowMask(features)) : each, [1])
  }

  /** Probabilities `[B, words]`. */
  probabilities(features: Tensor): Tensor {
    return sub(1, exp(neg(this.evidence(features))))
  }

  /** Binary cross-entropy summed over the words, mean over the images; `labels` `[B, words]` are 0 or 1. */
  loss(features: Tensor, labels: Tensor, noise?: Noise): Tensor {
    const evidence = this.evidence(features, noise)
    // log p = log(1 - e^-s); below 1e-6 its slope would only make noise
    const logPresent = log(sub(1, exp(neg(clip(evidence, 1e-6, 80)))))
    const perWord = sub(mul(sub(1, labels), evidence), mul(labels, logPresent))
    return div(sum(perWord), count(perWord, [0]))
  }
}

/** The bias that makes p small at first, as published. */
const START_BIAS = -6.6
