export type { Explanation } from './decode/explainer.ts'
export { UserError } from './errors.ts'
export { type BasicModelName, basicModels } from './models/basic-models.ts'
export { Captioner as CaptionerModel } from './models/captioner.ts'
export type { CaptionerConfig } from './models/config.ts'
export { Mia } from './models/mia.ts'
export {
  type CaptionOptions,
  type Captions,
  type ExplainedCaption,
  type PhotoCaption,
  PhotoCaptioner as Captioner,
} from './photos/captioner.ts'
export { explanationPage } from './photos/explanation-page.ts'
export type { NetworkPaths } from './photos/eye.ts'
export type { FoundConcept, Refused } from './photos/reader.ts'
export { representPhotos } from './photos/representations.ts'
export { ImageError, type ImageInput, type Pixels } from './vision/index.ts'
