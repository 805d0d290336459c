export {
  type CaptionOptions,
  type Captions,
  type ExplainedCaption,
  type PhotoCaption,
  PhotoCaptioner as Captioner,
} from './caption/captioner.ts'
export type { Explanation } from './caption/explainer.ts'
export type { NetworkPaths } from './caption/feature-extractor.ts'
export type { FoundConcept, Refused } from './caption/photo-reader.ts'
export { representPhotos } from './caption/representations.ts'
export { UserError } from './errors.ts'
export type { CaptionerConfig } from './models/config.ts'
export { type BasicModelName, basicModels } from './models/lstm/basic-models.ts'
export { LstmCaptioner as CaptionerModel } from './models/lstm/captioner.ts'
export { Mia } from './models/mia.ts'
export { explanationPage } from './pages/explanation-page.ts'
export { ImageError, type ImageInput, type Pixels } from './vision/index.ts'
