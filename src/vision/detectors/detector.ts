import type { ImageInput } from '../../engine/pictures.ts'
import type { Box } from '../boxes.ts'

/** An object found in a picture. */
export interface Detection {
  /** in parts of the picture's width and height */
  readonly box: Box
  /** the class's place in the network's list: COCO's 80, in COCO's order */
  readonly label: number
  /** from 0 to 1 */
  readonly score: number
}

/** How many objects of a picture are wanted: confident ones up to `most`, others only until there are `least`. */
export interface DetectOptions {
  readonly least: number
  readonly most: number
}

/** A network that finds the objects of pictures. */
export interface Detector {
  /** the full name of the file it came from, or `builtin` */
  readonly name: string
  /** of the file's bytes, in hexadecimal */
  readonly sha256: string
  /** The objects of a picture, most confident first. Throws ImageError as Pictures.decode() does. */
  detect(input: ImageInput, options: DetectOptions): Promise<Detection[]>
  release(): void
}
