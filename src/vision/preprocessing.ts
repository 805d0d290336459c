// From a picture's bytes to a network's input. Needs no Node: the browser prepares its pictures the same way.

type PerChannel = readonly [number, number, number]

/** What becomes of a picture's values, channel by channel: (value / 255 - mean) / std. `mean` and `std` stand in the order of `channels`. */
export interface Normalisation {
  /** the order in which the network takes them */
  readonly channels: 'RGB' | 'BGR'
  readonly mean: PerChannel
  readonly std: PerChannel
}

/** How a network wants its pictures: stretched to `width` x `height`, then normalised. */
export interface Preprocessing extends Normalisation {
  readonly width: number
  readonly height: number
}

/** Values from -1 to 1, as TensorFlow's networks (MobileNet, Inception) were trained: value / 127.5 - 1. */
export const symmetric = { channels: 'RGB', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const

/** Mean 0 and deviation 1 over ImageNet, as torchvision's networks were trained. */
export const imagenet = { channels: 'RGB', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const

/** Values from 0 to 255 with blue first, as OpenCV reads them: YOLOX. */
export const bgr255 = { channels: 'BGR', mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const

/** Values from 0 to 255 as they are. */
export const rgb255 = { channels: 'RGB', mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const

/** The usual ones by name. */
export const normalisations: Readonly<Record<'symmetric' | 'imagenet' | 'bgr255', Normalisation>> = {
  symmetric,
  imagenet,
  bgr255,
}

/** Interleaved 8-bit RGB, [height, width, 3], to float planes, [3, height, width], written into `into`. */
export function normalise(pixels: Uint8Array, preprocessing: Preprocessing, into: Float32Array): void {
  const { width, height, channels, mean, std } = preprocessing
  const area = width * height
  if (pixels.length !== 3 * area || into.length !== 3 * area)
    throw new RangeError(
      `Cannot normalise ${pixels.length} bytes into ${into.length} numbers: a picture of ${width} x ${height} has ${3 * area}`,
    )
  for (let channel = 0; channel < 3; channel++) {
    const value = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean[channel]!) / std[channel]!)
    const plane = into.subarray(channel * area, (channel + 1) * area)
    for (let to = 0, from = channels === 'RGB' ? channel : 2 - channel; to < area; to++, from += 3)
      plane[to] = value[pixels[from]!]!
  }
}
