/** The regions of a picture: a feature each and, where they are boxes, where each lies. */
export interface Regions {
  /** float16 bits `[count, size]` */
  readonly features: Uint16Array
  /** left, top, right, bottom of each in parts of the picture's width and height, `[count, 4]` */
  readonly boxes?: Float32Array
  /** what each shows, as a place in the detector's list of classes, and how sure it is */
  readonly labels?: Int32Array
  readonly scores?: Float32Array
}

/** The parts of Regions beside the features, and how they are stored. */
export const regionParts = {
  boxes: { dtype: 'F32', width: 4, make: (length: number) => new Float32Array(length) },
  labels: { dtype: 'I32', width: 1, make: (length: number) => new Int32Array(length) },
  scores: { dtype: 'F32', width: 1, make: (length: number) => new Float32Array(length) },
} as const

export type RegionPart = keyof typeof regionParts
export const regionPartNames = Object.keys(regionParts) as readonly RegionPart[]
