type PerChannel = readonly [number, number, number]

/**
 * How a network's input is normalised, channel by channel: `(value / 255 - mean) / std`. `mean` and `std` are in the
 * order of `channels`.
 */
export interface Normalisation {
  /** the order of the network's input channels */
  readonly channels: 'RGB' | 'BGR'
  readonly mean: PerChannel
  readonly std: PerChannel
}

/**
 * How a network's input is made: an image is resized to `width` x `height`, ignoring its aspect ratio, and normalised.
 */
export interface Preprocessing extends Normalisation {
  readonly width: number
  readonly height: number
}

/** Values from -1 to 1, `value / 127.5 - 1`, as TensorFlow trains MobileNet and Inception. */
export const SYMMETRIC = { channels: 'RGB', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const

/** Mean 0 and standard deviation 1 over ImageNet, as torchvision trains its networks. */
export const IMAGENET = { channels: 'RGB', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const

/** Values from 0 to 255, blue first, as OpenCV decodes images; used by YOLOX. */
export const BGR255 = { channels: 'BGR', mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const

/** Values from 0 to 255, red first. */
export const RGB255 = { channels: 'RGB', mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const

/** The normalisations that users choose by name. */
export const NORMALISATIONS: Readonly<Record<'symmetric' | 'imagenet' | 'bgr255', Normalisation>> = {
  symmetric: SYMMETRIC,
  imagenet: IMAGENET,
  bgr255: BGR255,
}

/**
 * Normalises a decoded image, interleaved 8-bit RGB `[height, width, 3]`, and writes it into `into`,
 * `[3, height, width]`. Throws RangeError if a length does not match the preprocessing's size.
 */
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
