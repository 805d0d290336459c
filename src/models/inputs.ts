import { type HostValue, ints } from '../formats/host-value.ts'
import { cast, input, type Tensor } from '../graph/index.ts'

/** The sizes of images as a model takes them. */
export interface ImageSizes {
  /** regions of an image */
  readonly regions: number
  /** numbers that describe a region */
  readonly featureSize: number
  /** concepts of an image */
  readonly concepts: number
}

/** Images in the graph: `features` float32 `[B, R, F]` and `concepts`, ids int32 `[B, K]`. */
export interface ImageTensors {
  readonly features: Tensor
  readonly concepts: Tensor
}

/** The type that features come in: float16 as stored, or float32. */
export type FeatureType = 'float16' | 'float32'

/** The graph input `features` `[B, R, F]`, as float32. */
export const featuresInput = (
  { regions, featureSize }: Pick<ImageSizes, 'regions' | 'featureSize'>,
  type: FeatureType = 'float16',
): Tensor => cast(input('features', ['B', regions, featureSize], type), 'float32')

/** The graph inputs that describe images: `features` `[B, R, F]` and `concepts` int32 `[B, K]`. */
export const imageInputs = (sizes: ImageSizes, type?: FeatureType): ImageTensors => ({
  features: featuresInput(sizes, type),
  concepts: input('concepts', ['B', sizes.concepts], 'int32'),
})

/** The value of featuresInput() for numbers of whole images; float16 as bits, `[B, R, F]`. */
export const featuresValue = (
  { regions, featureSize }: Pick<ImageSizes, 'regions' | 'featureSize'>,
  data: Uint16Array | Float32Array,
): HostValue => ({
  dtype: data instanceof Float32Array ? 'float32' : 'float16',
  shape: [data.length / (regions * featureSize), regions, featureSize],
  data,
})

/** The values of imageInputs(): features of B images and the ids of their concepts, `[B, K]`. */
export function imageValues(
  sizes: ImageSizes,
  features: Uint16Array | Float32Array,
  concepts: Int32Array,
): { readonly features: HostValue; readonly concepts: HostValue } {
  const value = featuresValue(sizes, features)
  const images = value.shape[0]!
  return { features: value, concepts: ints(concepts, [images, concepts.length / images]) }
}
