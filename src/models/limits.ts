/**
 * The largest value of each integer hyperparameter, for the options of `mia train` and for `config.json` alike: far
 * beyond any model that is trained, so that a damaged number cannot ask for all memory or never end.
 */
export const LIMITS = {
  iterations: 100,
  regions: 10_000,
  concepts: 10_000,
  featureSize: 1_000_000,
  vocabularySize: 10_000_000,
  hiddenSize: 65_536,
  numHeads: 1024,
  innerSize: 65_536,
  attentionSize: 65_536,
  layers: 100,
  epochs: 1_000_000,
  batchSize: 100_000,
  captionsPerImage: 1000,
  augmentations: 1000,
  learningRateDecayStart: 1_000_000,
  learningRateDecayEvery: 1_000_000,
  learningRateWarmup: 1_000_000_000,
  beam: 10_000,
  maxLength: 1000,
} as const
