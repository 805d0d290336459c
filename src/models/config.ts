import type { BasicModelName } from './basic-models.ts'
import type { EncoderConfig } from './encoder.ts'

/** The hyperparameters of a captioner. Each model ignores those that it has no use for. */
export interface CaptionerConfig extends EncoderConfig {
  /** which captioner it is */
  readonly basicModel: BasicModelName
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** hidden width of the attention over regions; 49 as published, whatever the number of regions */
  readonly attentionSize: number
  /** layers of the Transformer's encoder, and of its decoder */
  readonly layers: number
}

/**
 * The published hyperparameters (paper, section 5.2, and code), without the sizes that depend on the data.
 * BASIC_MODELS has those in which a model differs; `layers` are those of Vaswani et al. 2017.
 */
export const PUBLISHED_MODEL = {
  iterations: 2,
  hiddenSize: 512,
  numHeads: 8,
  innerSize: 2048,
  attentionSize: 49,
  layers: 6,
  miaAttention: 'mutual',
  miaForm: 'code',
  conceptConfidences: false,
  dropout: 0.5,
  miaDropout: 0.1,
} as const
