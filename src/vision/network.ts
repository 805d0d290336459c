import type { Preprocessing } from './preprocessing.ts'

/** A network that turns pictures into regions: a pretrained one cut at a layer. */
export interface Network {
  /** the absolute path of the file it came from */
  readonly name: string
  /** of the file's bytes, in hexadecimal */
  readonly sha256: string
  /** the tensor it is cut at */
  readonly layer: string
  readonly input: Preprocessing
  /** regions of a picture: the cells of the layer's map, row by row */
  readonly regions: number
  /** cells of a row of the map */
  readonly columns: number
  /** numbers of a region: the layer's channels */
  readonly size: number
  /** [count, 3, height, width], normalised, to [count, regions, size] */
  run(images: Float32Array, count: number): Promise<Float32Array>
  release(): void
}
