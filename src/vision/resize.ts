/** A decoded image: interleaved 8-bit RGB, `[height, width, 3]`. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/**
 * Resizes an image by bilinear interpolation and returns its pixels, `[height, width, 3]`. Pixel centres are at .5 and
 * the edge pixels extend outwards, as in PIL and torchvision. There is no antialiasing, so use it to enlarge. libvips
 * would shift the image by half a pixel (https://github.com/libvips/libvips/issues/4841).
 */
export function resizeBilinear(picture: Picture, width: number, height: number): Uint8Array {
  const columns = samples(picture.width, width)
  const rows = samples(picture.height, height)
  const source = picture.pixels
  const resized = new Uint8Array(width * height * 3)
  let to = 0
  for (const row of rows) {
    const [above, below] = [row.first * picture.width, row.second * picture.width]
    for (const { first, second, weight } of columns)
      for (let channel = 0; channel < 3; channel++) {
        const top = mix(source[(above + first) * 3 + channel]!, source[(above + second) * 3 + channel]!, weight)
        const bottom = mix(source[(below + first) * 3 + channel]!, source[(below + second) * 3 + channel]!, weight)
        resized[to++] = Math.round(mix(top, bottom, row.weight))
      }
  }
  return resized
}

const mix = (a: number, b: number, weight: number): number => a + (b - a) * weight

/** For each of `to` samples along an axis of `from` pixels: the two nearest pixels, and the weight of the second. */
function samples(from: number, to: number): { first: number; second: number; weight: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1)
    const first = Math.floor(position)
    return { first, second: Math.min(first + 1, from - 1), weight: position - first }
  })
}
