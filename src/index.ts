export type {
  CaptionAllOptions,
  CaptionerOptions,
  CaptionOptions,
  Captions,
  ExplainedCaption,
  PhotoCaption,
} from './caption/captioner.ts'
export type { Explanation } from './caption/explainer.ts'
export type { NetworkPaths } from './caption/feature-extractor.ts'
export type { FoundConcept, SkippedImage } from './caption/photo-reader.ts'
export type { RepresentedImages, RepresentOptions } from './caption/representations.ts'
export { ImageError, type ImageInput, type Pixels } from './engine/pictures.ts'
export { QueueFullError } from './engine/queue.ts'
export { UserError } from './errors.ts'
export { Captioner } from './hosts/node/captioner.ts'
export { explanationPage } from './hosts/node/explanation-page.ts'
export { representImages } from './hosts/node/represent-images.ts'
