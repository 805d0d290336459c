/** What a file holds, told by its first bytes and not by its name: pictures that can be decoded, and some that people have and cannot use. */
export type ImageKind = 'JPEG' | 'PNG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF' | 'HEIC' | 'SVG' | 'unknown'

/** The kinds that decodeImage() takes. SVG is a program rather than a picture and may ask for other files; for HEIC there is no free decoder. */
export const DECODABLE: readonly ImageKind[] = ['JPEG', 'PNG', 'GIF', 'WebP', 'TIFF', 'AVIF']

const SIGNATURES: readonly (readonly [ImageKind, RegExp])[] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF....WEBP/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['HEIC', /^....ftyp(heic|heix|heim|heis|hevc|hevx)/s],
  ['AVIF', /^....ftyp(avif|avis|mif1|msf1)/s],
  ['SVG', /^(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg[\s>])/i],
]

/** The kind of a file from its bytes, of which the first hundred are enough. */
export function imageKind(bytes: Uint8Array): ImageKind {
  const start = String.fromCharCode(...bytes.subarray(0, 100))
  return SIGNATURES.find(([, pattern]) => pattern.test(start))?.[0] ?? 'unknown'
}
