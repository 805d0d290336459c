// Files of a zip archive in memory. The browser's decompressor knows no zip: deflate data are read as a gzip file with
// the checksum of the entry, so that it is verified.
import { UserError } from '../errors.ts'

/** Most bytes of an unpacked file: the longest string of V8 on 64 bits, in characters. */
export const MAX_TEXT_BYTES = 2 ** 29 - 24

/** How a file is packed. */
export type Packing = 'gzip' | 'zip'

/** A file of a zip archive, as its central directory lists it. */
export interface ZipEntry {
  /** its path in the archive; the path of a folder ends in a slash */
  readonly path: string
  /** bit 0: encrypted */
  readonly flags: number
  /** 0 stored, 8 deflated */
  readonly method: number
  readonly crc: number
  readonly packedSize: number
  readonly size: number
  readonly offset: number
}

/** Whether bytes begin as those of a zip archive. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5) && bytes[3] === bytes[2]! + 1

/**
 * The files of a zip archive; `name` names it in errors, as in `results "a.zip"`. Throws UserError for damaged data.
 * Zip64 sizes are beyond MAX_TEXT_BYTES.
 */
export function zipEntries(bytes: Uint8Array, name: string): ZipEntry[] {
  try {
    return listEntries(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes)
  } catch (error) {
    if (error instanceof RangeError) throw damaged(name) // a position beyond the end
    throw error
  }
}

/** The bytes of a file of a zip archive. Throws UserError if they are encrypted, damaged, or packed in another way. */
export async function unzipEntry(bytes: Uint8Array, entry: ZipEntry, name: string): Promise<Uint8Array> {
  if (entry.flags & 1) throw new UserError(`Cannot read ${name}: its zip data are encrypted; unpack it first`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const begins = entry.offset + 30 <= bytes.length && view.getUint32(entry.offset, true) === 0x04034b50
  if (!begins) throw damaged(name)
  const start = entry.offset + 30 + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true)
  if (start + entry.packedSize > bytes.length) throw damaged(name)
  const packed = bytes.subarray(start, start + entry.packedSize)
  if (entry.method === 8) return gunzip(asGzip([packed], entry), name, 'zip')
  if (entry.method === 0) return gunzip(asGzip(storedBlocks(packed), entry), name, 'zip')
  throw new UserError(`Cannot read ${name}: its zip method is ${entry.method}; unpack it first`)
}

const damaged = (name: string): UserError =>
  new UserError(`Cannot read ${name}: its zip data are damaged or incomplete; copy the file again`)

/** The bytes of gzip data, whose checksum is verified. Throws UserError if they are damaged or too many. */
export async function gunzip(bytes: Uint8Array, name: string, packing: Packing): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'))
    .getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
      length += value.length
      if (length > MAX_TEXT_BYTES) break
    }
  } catch {
    throw new UserError(`Cannot read ${name}: its ${packing} data are damaged or incomplete; copy the file again`)
  }
  if (length > MAX_TEXT_BYTES) {
    await reader.cancel().catch(() => {})
    throw new UserError(`Cannot read ${name}: unpacked, it has more than ${MAX_TEXT_BYTES} bytes; split it`)
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** The entries of the central directory (APPNOTE.TXT 4.3.12). Throws RangeError beyond the end of the bytes. */
function listEntries(view: DataView, bytes: Uint8Array): ZipEntry[] {
  let end = bytes.length - 22
  const earliest = Math.max(0, end - 0xffff) // before the longest comment
  while (end >= earliest && view.getUint32(end, true) !== 0x06054b50) end--
  if (end < earliest) throw new RangeError('No end of the central directory')
  const entries: ZipEntry[] = []
  let at = view.getUint32(end + 16, true)
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError('Not an entry')
    const length = view.getUint16(at + 28, true)
    entries.push({
      path: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length)),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    })
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return entries
}

/** Deflate data as a gzip file with the checksum of the zip entry, so that the decompressor verifies it (RFC 1952). */
function asGzip(deflated: readonly Uint8Array[], { crc, size }: ZipEntry): Uint8Array {
  const trailer = new DataView(new ArrayBuffer(8))
  trailer.setUint32(0, crc, true)
  trailer.setUint32(4, size, true)
  const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
  const parts = [header, ...deflated, new Uint8Array(trailer.buffer)]
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Bytes as stored blocks of deflate (RFC 1951, 3.2.4). */
function storedBlocks(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  do {
    const block = bytes.subarray(at, at + 0xffff)
    at += block.length
    const header = new DataView(new ArrayBuffer(5))
    header.setUint8(0, at >= bytes.length ? 1 : 0)
    header.setUint16(1, block.length, true)
    header.setUint16(3, ~block.length & 0xffff, true)
    parts.push(new Uint8Array(header.buffer), block)
  } while (at < bytes.length)
  return parts
}
