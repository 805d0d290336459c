import type { EncoderConfig } from './encoder.ts'
import type { BasicModelName } from './lstm/basic-models.ts'

/** The hyperparameters of an LSTM captioner. */
export interface CaptionerConfig extends EncoderConfig {
  /** which basic model of the paper it is */
  readonly basicModel: BasicModelName
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** hidden width of the attention over regions; 49 as published, whatever the number of regions */
  readonly attentionSize: number
}

/** The published hyperparameters (paper, section 5.2, and code), without the sizes that depend on the data. */
export const PUBLISHED_MODEL = {
  iterations: 2,
  hiddenSize: 512,
  numHeads: 8,
  innerSize: 2048,
  attentionSize: 49,
  miaAttention: 'mutual',
  miaForm: 'code',
  dropout: 0.5,
  miaDropout: 0.1,
} as const
