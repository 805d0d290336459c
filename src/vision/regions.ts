/** The regions of an image: cells of a grid, or detected objects. */
export interface Regions {
  /** float16 bits `[count, size]` */
  readonly features: Uint16Array
  /** left, top, right and bottom edge of each as fractions of the image's width and height, `[count, 4]` */
  readonly boxes?: Float32Array
}
