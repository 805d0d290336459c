import type { Preprocessing } from '../preprocessing.ts'

/** A network that turns pictures into regions: a pretrained one cut at a layer, or at several that are laid on one grid. */
export interface Network {
  /** the full name of the file it came from, or `builtin` */
  readonly name: string
  /** of the file's bytes, in hexadecimal */
  readonly sha256: string
  /** the tensor it is cut at; of several the names with + between them */
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
