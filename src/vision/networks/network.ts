import type { Preprocessing } from '../preprocessing.ts'

/** A pretrained network as a feature extractor: its feature map at a layer, or at several, becomes the regions. */
export interface Network {
  /** the absolute path of its file, or `builtin` */
  readonly name: string
  /** the SHA-256 of the file, in hexadecimal */
  readonly sha256: string
  /** the name of the tensor with the feature map; several names are joined by + */
  readonly layer: string
  /** how its input is made */
  readonly input: Preprocessing
  /** regions per picture: the cells of the feature map, row by row */
  readonly regions: number
  /** cells per row of the feature map */
  readonly columns: number
  /** numbers per region: the layer's channels */
  readonly size: number
  /** Extracts features: normalised pictures `[count, 3, height, width]` to `[count, regions, size]`. */
  run(images: Float32Array, count: number): Promise<Float32Array>
  /** Frees the model after the runs in progress. */
  release(): void
}
