/** Interleaved 8-bit RGB of a known size. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/**
 * Stretches a picture by bilinear interpolation, pixels' centres at .5 and the outermost going on outside, as PIL and torchvision do. libvips
 * would move the picture by half a pixel to the right and down when it enlarges (https://github.com/libvips/libvips/issues/4841).
 */
export function enlarge(picture: Picture, width: number, height: number): Uint8Array {
  const columns = samples(picture.width, width)
  const rows = samples(picture.height, height)
  const source = picture.pixels
  const stretched = new Uint8Array(width * height * 3)
  let to = 0
  for (const row of rows) {
    const [above, below] = [row.first * picture.width, row.second * picture.width]
    for (const { first, second, share } of columns)
      for (let channel = 0; channel < 3; channel++) {
        const top = mix(source[(above + first) * 3 + channel]!, source[(above + second) * 3 + channel]!, share)
        const bottom = mix(source[(below + first) * 3 + channel]!, source[(below + second) * 3 + channel]!, share)
        stretched[to++] = Math.round(mix(top, bottom, row.share))
      }
  }
  return stretched
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share

/** For each of `to` samples along an axis of `from` pixels: the two pixels it lies between and the share of the second. */
function samples(from: number, to: number): { first: number; second: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1)
    const first = Math.floor(position)
    return { first, second: Math.min(first + 1, from - 1), share: position - first }
  })
}
