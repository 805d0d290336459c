/** A file format, detected from a file's first bytes: the formats that can be decoded, and others that users try. */
export type ImageKind = 'JPEG' | 'PNG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF' | 'HEIC' | 'SVG' | 'unknown'

/**
 * The formats that Pictures.decode() accepts. SVG is left out because it may load other files, HEIC because it has no
 * free decoder.
 */
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

/** Detects a file's format from its bytes; the first hundred are enough. */
export function imageKind(bytes: Uint8Array): ImageKind {
  const start = String.fromCharCode(...bytes.subarray(0, 100))
  return SIGNATURES.find(([, pattern]) => pattern.test(start))?.[0] ?? 'unknown'
}
