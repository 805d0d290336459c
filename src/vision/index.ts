export { augmentedId, withAugmentations } from './augmentation.ts'
export { extractRegions, RegionFinder } from './detected-regions.ts'
export {
  type Extraction,
  type ExtractOptions,
  extractFeatures,
  type FeatureSink,
  type ImageFile,
  type SkippedFile,
} from './extract-features.ts'
export {
  describeSource,
  FEATURE_SOURCE_SCHEMA,
  type FeatureSource,
  hasBoxes,
  identity,
  sameSource,
  sourceOf,
} from './feature-source.ts'
export { inOrder } from './in-order.ts'
export { BUILTIN } from './networks/builtin.ts'
export { CENTERNET } from './networks/centernet/model.ts'
export type { Network } from './networks/network.ts'
export type { OnnxNetworkOptions } from './networks/onnx-network.ts'
export { openDetector, openNetwork } from './open.ts'
export { NORMALISATIONS, type Normalisation, normalise, type Preprocessing } from './preprocessing.ts'
export type { Regions } from './regions.ts'
