/**
 * A file format, detected from a file's bytes or name: the formats that can be decoded, others that users try, and the
 * texts that a failed download leaves under the name of an image.
 */
export type ImageKind =
  | 'JPEG'
  | 'PNG'
  | 'GIF'
  | 'WebP'
  | 'TIFF'
  | 'AVIF'
  | 'HEIC'
  | 'SVG'
  | 'BMP'
  | 'JPEG XL'
  | 'JPEG 2000'
  | 'Photoshop'
  | 'RAW'
  | 'TGA'
  | 'PNM'
  | 'OpenEXR'
  | 'GIMP'
  | 'PDF'
  | 'HTML'
  | 'XML'
  | 'JSON'
  | 'Git LFS'
  | 'unknown'

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
  // Canon CR2, CR3 and CRW, Fujifilm, Olympus, Panasonic, Sigma, Minolta
  ['RAW', /^(II\*\0....CR|....ftypcrx |II..\0\0HEAPCCDR|FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM)/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  // mif1 and msf1 say nothing of the codec; the compatible brands after them do.
  ['HEIC', /^....ftyp(hei[cmsx]|hev[cx]|(mif1|msf1)....(?!(....)*?avif)(....){0,15}?hei[cmsx])/s],
  ['AVIF', /^....ftyp(avif|avis|mif1|msf1)/s],
  ['JPEG XL', /^(\xff\n|\0{3}.JXL \r\n\x87\n)/s],
  ['JPEG 2000', /^(\xff\x4f\xff\x51|\0{3}.jP {2}\r\n\x87\n)/s],
  ['Photoshop', /^8BPS\0./s],
  ['BMP', /^BM.{4}\0{4}/s],
  ['OpenEXR', /^v\/1...\0\0/s],
  ['GIMP', /^gimp xcf /],
  ['PNM', /^P[1-7]\s+(#|\d|WIDTH)/],
  ['PDF', /^%PDF-/],
  ['Git LFS', /^version https:\/\/git-lfs\./],
  ['SVG', /^\s*(<[?!][^>]*>\s*)*<svg[\s>]/i],
  ['HTML', /^\s*(<[?!][^>]*>\s*)*(<!doctype html|<(html|head|body|title|meta|script|h1|p|center|div)[\s>])/i],
  ['HTML', /^\s*<!doctype html/i],
  ['SVG', /^\s*<!doctype svg/i],
  ['XML', /^\s*<(\?xml|!--|!doctype|[a-z][\w:.-]*[\s>])/i],
  ['JSON', /^\s*(\{\s*("|\}\s*$)|\[\s*[{["\]])/],
]

/** Detects a file's format from its bytes; the first 4 kB are enough. */
export function imageKind(bytes: Uint8Array): ImageKind {
  const start = String.fromCharCode(...bytes.subarray(0, 4096)).replace(/^\xef\xbb\xbf/, '')
  const kind = SIGNATURES.find(([, pattern]) => pattern.test(start))?.[0] ?? 'unknown'
  return kind === 'TIFF' && isRaw(bytes) ? 'RAW' : kind
}

/** Tags of TIFF: the kind of the first image, the images below it, and the version of DNG. */
const NEW_SUBFILE_TYPE = 0xfe
const SUB_IFDS = 0x14a
const DNG_VERSION = 0xc612

/**
 * Whether a TIFF file is a camera's: DNG, or its first image is a thumbnail with the photograph below it, as in NEF
 * and ARW. A decoder of TIFF would return the thumbnail.
 */
function isRaw(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[0] === 0x49
  if (view.byteLength < 8 || view.getUint16(2, little) !== 42) return false
  const start = view.getUint32(4, little)
  if (start + 2 > view.byteLength) return false
  const tags = new Map<number, number>()
  const count = Math.min(view.getUint16(start, little), Math.floor((view.byteLength - start - 2) / 12))
  for (let i = 0; i < count; i++) {
    const at = start + 2 + 12 * i
    tags.set(view.getUint16(at, little), view.getUint32(at + 8, little))
  }
  return tags.has(DNG_VERSION) || (((tags.get(NEW_SUBFILE_TYPE) ?? 0) & 1) === 1 && tags.has(SUB_IFDS))
}

/** Endings of the names of images. */
const ENDINGS: readonly (readonly [ImageKind, RegExp])[] = [
  ['JPEG', /\.(jpe?g|jpe|jfif)$/i],
  ['PNG', /\.png$/i],
  ['WebP', /\.webp$/i],
  ['GIF', /\.gif$/i],
  ['TIFF', /\.tiff?$/i],
  ['AVIF', /\.avif$/i],
  ['HEIC', /\.hei[cf]$/i],
  ['SVG', /\.svg$/i],
  ['BMP', /\.(bmp|dib)$/i],
  ['JPEG XL', /\.jxl$/i],
  ['JPEG 2000', /\.(jp2|j2k|j2c|jpf|jpx|jpm)$/i],
  ['Photoshop', /\.ps[db]$/i],
  ['RAW', /\.(3fr|arw|cr[23w]|dcr|dng|erf|fff|iiq|k25|kdc|mef|mrw|nef|nrw|orf|pef|raf|rw2|rwl|sr2|srf|srw|x3f)$/i],
  ['TGA', /\.tga$/i],
  ['PNM', /\.p[bgnp]m$/i],
  ['OpenEXR', /\.exr$/i],
  ['GIMP', /\.xcf$/i],
]

/** The format that a file's name promises; undefined unless the ending is that of an image. */
export const kindByName = (name: string): ImageKind | undefined =>
  ENDINGS.find(([, pattern]) => pattern.test(name))?.[0]

const ANY = DECODABLE.join(', ')
const FAILED = 'not an image: the download failed; download it again'

const REASONS: Readonly<Partial<Record<ImageKind, string>>> = {
  HEIC:
    'it is HEIC, for which there is no free decoder; export it as JPEG ' +
    '(on an iPhone: Settings, Camera, Formats, Most Compatible)',
  BMP: 'it is BMP; convert it to PNG, as with "magick photo.bmp photo.png"',
  'JPEG XL': 'it is JPEG XL; convert it to PNG, as with "djxl photo.jxl photo.png"',
  'JPEG 2000': 'it is JPEG 2000; convert it to PNG, as with "opj_decompress -i photo.jp2 -o photo.png"',
  Photoshop: 'it is a Photoshop document; export it as JPEG or PNG',
  RAW: 'it is the RAW file of a camera; export it as JPEG, as with Lightroom, darktable or "dcraw_emu -T photo.dng"',
  TGA: 'it is TGA; convert it to PNG, as with "magick photo.tga photo.png"',
  PNM: 'it is PBM, PGM or PPM; convert it to PNG, as with "magick photo.ppm photo.png"',
  OpenEXR: 'it is OpenEXR; convert it to PNG, as with "magick photo.exr photo.png"',
  GIMP: 'it is a GIMP document; export it as JPEG or PNG',
  PDF: 'it is a PDF; convert its pages to PNG, as with "pdftoppm -png file.pdf page"',
  HTML: `it is an HTML page, ${FAILED}`,
  XML: `it is XML text, ${FAILED}`,
  JSON: `it is JSON text, ${FAILED}`,
  'Git LFS': 'it is a pointer of Git LFS, not the picture; run "git lfs pull"',
  unknown: `it is not an image; give one of ${ANY}`,
}

/** Why a file of a format that is not in DECODABLE cannot be read, and what to do. */
export const kindReason = (kind: ImageKind): string => REASONS[kind] ?? `it is ${kind}; give one of ${ANY}`
