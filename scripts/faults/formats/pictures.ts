import sharp, { type Sharp } from 'sharp'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import type { Format } from '../format.ts'

const [WIDTH, HEIGHT] = [32, 24]

function drawn(channels: 1 | 3 | 4 = 3): Sharp {
  const pixels = Buffer.from(Array.from({ length: channels * WIDTH * HEIGHT }, (_, i) => (i * 37) % 256))
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels } })
}

/** Three frames, one below the other. */
const frames = (): Sharp =>
  sharp(Buffer.from(Array.from({ length: 3 * 8 * 24 }, (_, i) => (i * 37) % 256)), {
    raw: { width: 8, height: 24, channels: 3, pageHeight: 8 },
  })

/** A picture of each kind that a decoder treats differently. */
const KINDS: Readonly<Record<string, readonly (() => Sharp)[]>> = {
  jpeg: [
    () => drawn().jpeg(),
    () => drawn().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
    () => drawn(1).toColourspace('b-w').jpeg(),
    () => drawn().toColourspace('cmyk').jpeg(),
    () => drawn().withMetadata({ orientation: 6 }).jpeg(),
  ],
  png: [
    () => drawn().png(),
    () => drawn(4).png({ progressive: true }),
    () => drawn().png({ palette: true, colours: 16 }),
    () => drawn().toColourspace('rgb16').png(),
    () => drawn(1).toColourspace('b-w').png(),
  ],
  webp: [
    () => drawn().webp(),
    () => drawn(4).webp({ lossless: true }),
    () => drawn(4).webp({ quality: 60, alphaQuality: 50 }),
    () => frames().webp(),
  ],
  gif: [() => drawn().gif(), () => frames().gif(), () => drawn(4).gif({ progressive: true })],
  tiff: [
    ...(['none', 'lzw', 'deflate', 'jpeg', 'packbits'] as const).map(
      (compression) => () => drawn().tiff({ compression }),
    ),
    () => drawn(1).toColourspace('b-w').tiff({ compression: 'ccittfax4', bitdepth: 1 }),
    () => drawn().tiff({ compression: 'deflate', tile: true, tileWidth: 16, tileHeight: 16, predictor: 'horizontal' }),
  ],
  avif: [() => drawn().avif()],
}

/** Pictures. What PNG says is under checksums: a mutant has the pixels of its original, or is refused. */
export const PICTURES: readonly Format[] = Object.entries(KINDS).map(
  ([name, pictures]): Format => ({
    name,
    file: `picture.${name}`,
    originals: () => Promise.all(pictures.map(async (picture) => new Uint8Array(await picture().toBuffer()))),
    read: (path) => nodePictures.decode(path, { width: 16, height: 16 }),
    ...(name === 'png' && {
      wrong: (_, result, right) =>
        Buffer.from(result as Uint8Array).equals(Buffer.from(right as Uint8Array)) ? undefined : 'it has other pixels',
    }),
  }),
)
