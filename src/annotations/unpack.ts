import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'

/** Most bytes of text: the longest string of V8 on 64 bits, in characters. */
export const MAX_TEXT_BYTES = 2 ** 29 - 24

/** How a file is packed. */
export type Packing = 'gzip' | 'zip'

/** The bytes of a file after unpacking. */
export interface Unpacked {
  readonly bytes: Uint8Array
  /** From the outside in; empty for a file that is not packed. */
  readonly packings: readonly Packing[]
}

/** A .zip that holds a .gz is read; more layers are not. */
const MOST_LAYERS = 2

/**
 * Unpacks gzip, and zip with one file in it; returns other bytes as they are. `name` names the file in errors, as in
 * `results "a.json.gz"`. Throws UserError for damaged or encrypted data, for a zip of several files, and for more than
 * MAX_TEXT_BYTES.
 */
export async function unpack(bytes: Uint8Array, name: string): Promise<Unpacked> {
  const packings: Packing[] = []
  let content = bytes
  while (packings.length < MOST_LAYERS) {
    if (content[0] === 0x1f && content[1] === 0x8b) {
      content = await gunzip(content, name, 'gzip')
      packings.push('gzip')
    } else if (isZip(content)) {
      content = await unzip(content, name)
      packings.push('zip')
    } else break
  }
  return { bytes: content, packings }
}

/** The bytes of gzip data, whose checksum is verified. */
async function gunzip(bytes: Uint8Array, name: string, packing: Packing): Promise<Uint8Array> {
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

const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5) && bytes[3] === bytes[2]! + 1

/** A file of a zip archive, as its central directory lists it. */
interface Entry {
  readonly path: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedSize: number
  readonly size: number
  readonly offset: number
}

/** Paths of a zip archive that do not count as files: folders, and what macOS and Windows add. */
const NOT_COUNTED = /^__MACOSX\/|\/$|(^|\/)(\.DS_Store|Thumbs\.db)$/

/** The only file of a zip archive. */
async function unzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const damaged = new UserError(`Cannot read ${name}: its zip data are damaged or incomplete; copy the file again`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    const entries = listEntries(view, bytes)
    if (entries.some(({ path }) => path === 'xl/workbook.xml' || path === 'content.xml'))
      throw new UserError(`Cannot read ${name}: it is a spreadsheet; save it as CSV in UTF-8`)
    const [entry, ...others] = entries.filter(({ path }) => !NOT_COUNTED.test(path))
    if (!entry) throw new UserError(`Cannot read ${name}: it is a zip archive without a file`)
    if (others.length > 0) {
      const paths = [entry, ...others].map(({ path }) => path)
      throw new UserError(
        `Cannot read ${name}: it is a zip archive of ${counted(paths.length, 'file')} (${firstFew(paths)}); ` +
          'unpack it and give one of them',
      )
    }
    if (entry.flags & 1) throw new UserError(`Cannot read ${name}: its zip data are encrypted; unpack it first`)
    if (view.getUint32(entry.offset, true) !== 0x04034b50) throw damaged
    const start = entry.offset + 30 + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true)
    if (start + entry.packedSize > bytes.length) throw damaged
    const packed = bytes.subarray(start, start + entry.packedSize)
    if (entry.method === 8) return await gunzip(asGzip([packed], entry), name, 'zip')
    if (entry.method === 0) return await gunzip(asGzip(storedBlocks(packed), entry), name, 'zip')
    throw new UserError(`Cannot read ${name}: its zip method is ${entry.method}; unpack it first`)
  } catch (error) {
    if (error instanceof RangeError) throw damaged // a position beyond the end
    throw error
  }
}

/** The entries of the central directory (APPNOTE.TXT 4.3.12). Zip64 sizes are beyond MAX_TEXT_BYTES. */
function listEntries(view: DataView, bytes: Uint8Array): Entry[] {
  let end = bytes.length - 22
  const earliest = Math.max(0, end - 0xffff) // before the longest comment
  while (end >= earliest && view.getUint32(end, true) !== 0x06054b50) end--
  if (end < earliest) throw new RangeError('No end of the central directory')
  const entries: Entry[] = []
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
function asGzip(deflated: readonly Uint8Array[], { crc, size }: Entry): Uint8Array {
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
