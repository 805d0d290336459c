import type { ImageInput } from '../../engine/pictures.ts'
import type { Box } from '../boxes.ts'

/** An object that a detector found in a picture. */
export interface Detection {
  readonly box: Box
  /** the index of the class in the detector's list; the built-in detector has COCO's 80 classes in COCO's order */
  readonly label: number
  /** the confidence, from 0 to 1 */
  readonly score: number
}

/**
 * How many objects of a picture to return: those above the detector's confidence threshold, but at least `least`, if
 * there are as many, and at most `most`.
 */
export interface DetectOptions {
  readonly least: number
  readonly most: number
}

/** A network that detects objects in pictures. */
export interface Detector {
  /** the absolute path of its file, or `builtin` */
  readonly name: string
  /** the SHA-256 of the file, in hexadecimal */
  readonly sha256: string
  /** Detects objects, highest confidence first. Throws ImageError if the picture cannot be read. */
  detect(input: ImageInput, options: DetectOptions): Promise<Detection[]>
  /** Frees the model after the runs in progress. */
  release(): void
}
