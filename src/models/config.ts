import type { BasicModelName } from './basic-models.ts'

/** Everything that decides what a captioner computes. */
export interface CaptionerConfig {
  readonly basicModel: BasicModelName
  readonly mia: boolean
  /** number of iterations of MIA */
  readonly iterations: number
  /** regions (and with MIA as many concepts) of an image */
  readonly regions: number
  /** numbers that describe a region */
  readonly featureSize: number
  /** words, the four special ones counted */
  readonly vocabularySize: number
  readonly dModel: number
  readonly numHeads: number
  readonly dInner: number
  /** hidden width of the attention over regions; 49 as published, whatever the number of regions */
  readonly attentionSize: number
  /** dropout of encoder and decoder */
  readonly dropout: number
  /** dropout inside MIA */
  readonly miaDropout: number
}

/** The published sizes; what depends on the data is left to give. */
export const published = {
  iterations: 2,
  dModel: 512,
  numHeads: 8,
  dInner: 2048,
  attentionSize: 49,
  dropout: 0.5,
  miaDropout: 0.1,
} as const
