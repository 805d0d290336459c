export { type BackboneOptions, openBackbone } from './backbone.ts'
export { importBottomUp } from './bottom-up-import.ts'
export { BUILTIN } from './builtin/model.ts'
export { extractRegions, RegionFinder } from './detected-regions.ts'
export type { LeftOut } from './feature-index.ts'
export {
  describeSource,
  type FeatureSource,
  featureSourceSchema,
  hasBoxes,
  identity,
  sameSource,
  sourceOf,
} from './feature-source.ts'
export { FeatureWriter } from './feature-writer.ts'
export { type Extraction, type ExtractOptions, extractFeatures, type ImageFile } from './features.ts'
export { type DecodeOptions, decodeImage, ImageError, type ImageInput, nameOf, type Pixels } from './image.ts'
export { inOrder } from './in-order.ts'
export type { Network } from './network.ts'
export { openDetector, openNetwork } from './open.ts'
export { type Normalisation, normalisations, normalise, type Preprocessing } from './preprocessing.ts'
export type { Regions } from './regions.ts'
export { FeatureStore } from './store.ts'
export { type Thumbnail, thumbnail } from './thumbnail.ts'
export { viewId } from './views.ts'
export { Yolox } from './yolox.ts'
