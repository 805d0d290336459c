import { type HostValue, ints } from '../formats/host-value.ts'
import { cast, input, type Tensor } from '../graph/index.ts'

/** The sizes of a model's image inputs. */
export interface ImageSizes {
  /** regions per image, R */
  readonly regions: number
  /** numbers per region, F */
  readonly featureSize: number
  /** concepts per image, K */
  readonly concepts: number
}

/** Images in the graph: `features` float32 `[B, R, F]` and `concepts`, as conceptInput() gives them, int32 `[B, K]`. */
export interface ImageTensors {
  readonly features: Tensor
  readonly concepts: Tensor
}

/** The type of the features input: float16, as stored, or float32. */
export type FeatureType = 'float16' | 'float32'

/** The graph input `features` `[B, R, F]`, cast to float32. */
export const featuresInput = (
  { regions, featureSize }: Pick<ImageSizes, 'regions' | 'featureSize'>,
  type: FeatureType = 'float16',
): Tensor => cast(input('features', ['B', regions, featureSize], type), 'float32')

/** The graph inputs `features` `[B, R, F]`, cast to float32, and `concepts` int32 `[B, K]`. */
export const imageInputs = (sizes: ImageSizes, type?: FeatureType): ImageTensors => ({
  features: featuresInput(sizes, type),
  concepts: input('concepts', ['B', sizes.concepts], 'int32'),
})

/** The value to feed featuresInput(): features of B images, `[B, R, F]`; a Uint16Array holds float16 bits. */
export const featuresValue = (
  { regions, featureSize }: Pick<ImageSizes, 'regions' | 'featureSize'>,
  data: Uint16Array | Float32Array,
): HostValue => ({
  dtype: data instanceof Float32Array ? 'float32' : 'float16',
  shape: [data.length / (regions * featureSize), regions, featureSize],
  data,
})

/** The values to feed imageInputs(): features `[B, R, F]` and the concepts, `[B, K]`, as conceptInput() gives them. */
export function imageValues(
  sizes: ImageSizes,
  features: Uint16Array | Float32Array,
  concepts: Int32Array,
): { readonly features: HostValue; readonly concepts: HostValue } {
  const value = featuresValue(sizes, features)
  const images = value.shape[0]!
  return { features: value, concepts: ints(concepts, [images, concepts.length / images]) }
}
