import type { EncoderConfig } from './encoder.ts'
import type { BasicModelName } from './lstm/basic-models.ts'

/** Everything that decides what a captioner computes. */
export interface CaptionerConfig extends EncoderConfig {
  readonly basicModel: BasicModelName
  /** words of the vocabulary, the four special ones included */
  readonly vocabularySize: number
  /** hidden width of the attention over regions; 49 as published, whatever the number of regions */
  readonly attentionSize: number
}

/** The published sizes (section 5.2 of the paper, and the code); what depends on the data is not among them. */
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
