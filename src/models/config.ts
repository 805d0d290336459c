import type { BasicModelName, Stream } from './lstm/basic-models.ts'

/** Everything that decides what a captioner computes. */
export interface CaptionerConfig {
  readonly basicModel: BasicModelName
  readonly mia: boolean
  /** number of iterations of MIA */
  readonly iterations: number
  /** do regions and concepts attend to each other, or (a control with as many parameters) each stream to itself? */
  readonly miaAttention: 'mutual' | 'self'
  /** where the outer Add&Norm stands: on the visual branch as in the published code, or on both as in the paper's figure */
  readonly miaForm: 'code' | 'figure'
  /** regions of an image */
  readonly regions: number
  /** do images have fewer regions than that? Then regions of zeros are padding, left out of every softmax and mean */
  readonly paddedRegions: boolean
  /** concepts of an image; as many as regions in the paper */
  readonly concepts: number
  /** numbers that describe a region */
  readonly featureSize: number
  /** words, the four special ones counted */
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly numHeads: number
  readonly innerSize: number
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
  hiddenSize: 512,
  numHeads: 8,
  innerSize: 2048,
  attentionSize: 49,
  miaAttention: 'mutual',
  miaForm: 'code',
  dropout: 0.5,
  miaDropout: 0.1,
} as const

/** Can rows of a stream be padding, as the decoder sees it? With MIA not where there are concepts for all of them. */
export const isPadded = (
  { mia, regions, concepts, paddedRegions }: Pick<CaptionerConfig, 'mia' | 'regions' | 'concepts' | 'paddedRegions'>,
  stream: Stream,
): boolean => paddedRegions && (mia ? concepts < regions : stream === 'visual')

/** Rows of each stream as the decoder sees it: with MIA both have as many as the longer one. */
export const streamRows = ({
  mia,
  regions,
  concepts,
}: Pick<CaptionerConfig, 'mia' | 'regions' | 'concepts'>): Record<Stream, number> =>
  mia
    ? { visual: Math.max(regions, concepts), textual: Math.max(regions, concepts) }
    : { visual: regions, textual: concepts }
