export { importBottomUp } from '../disk/bottom-up-import.ts'
export type { LeftOut } from '../disk/feature-index.ts'
export { FeatureStore } from '../disk/feature-store.ts'
export { FeatureWriter } from '../disk/feature-writer.ts'
export {
  type DecodeOptions,
  decodeImage,
  ImageError,
  type ImageInput,
  nameOf,
  type Pixels,
} from '../hosts/node/pictures.ts'
export { type Thumbnail, thumbnail } from '../hosts/node/thumbnail.ts'
export { augmentedId } from './augmentation.ts'
export { extractRegions, RegionFinder } from './detected-regions.ts'
export { Yolox } from './detectors/yolox.ts'
export { type Extraction, type ExtractOptions, extractFeatures, type ImageFile } from './extract-features.ts'
export {
  describeSource,
  type FeatureSource,
  featureSourceSchema,
  hasBoxes,
  identity,
  sameSource,
  sourceOf,
} from './feature-source.ts'
export { inOrder } from './in-order.ts'
export { BUILTIN } from './networks/builtin/model.ts'
export type { Network } from './networks/network.ts'
export { type BackboneOptions, openBackbone } from './networks/onnx-network.ts'
export { openDetector, openNetwork } from './open.ts'
export { type Normalisation, normalisations, normalise, type Preprocessing } from './preprocessing.ts'
export type { Regions } from './regions.ts'
