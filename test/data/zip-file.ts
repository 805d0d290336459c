import { open, writeFile } from 'node:fs/promises'
import { crc32ByTable } from '../../src/disk/crc32.ts'

/** A stored entry of an archive that a test makes; the defaults are correct values. */
export interface ZipEntry {
  readonly name: string
  readonly content: Uint8Array
  readonly crc32?: number
  /** Unix file mode */
  readonly mode?: number
}

/** The 64-bit fields of an entry: sizes, and offset of its local header (APPNOTE.TXT 6.3.10, section 4.5.3). */
function zip64Field(size: number, offset: number): Buffer {
  const field = Buffer.alloc(28)
  field.writeUInt16LE(1, 0)
  field.writeUInt16LE(24, 2)
  field.writeBigUInt64LE(BigInt(size), 4)
  field.writeBigUInt64LE(BigInt(size), 12)
  field.writeBigUInt64LE(BigInt(offset), 20)
  return field
}

function localHeader({ name, content, crc32 = crc32ByTable(content, 0) }: ZipEntry): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(45, 4)
  header.writeUInt32LE(crc32, 14)
  header.writeUInt32LE(content.length, 18)
  header.writeUInt32LE(content.length, 22)
  header.writeUInt16LE(Buffer.byteLength(name), 26)
  return Buffer.concat([header, Buffer.from(name), content])
}

function centralHeader(entry: ZipEntry, offset: number, zip64: boolean): Buffer {
  const { name, content, crc32 = crc32ByTable(content, 0), mode = 0o100644 } = entry
  const extra = zip64 ? zip64Field(content.length, offset) : Buffer.alloc(0)
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 45, 4)
  header.writeUInt16LE(45, 6)
  header.writeUInt32LE(crc32, 16)
  header.writeUInt32LE(zip64 ? 0xffffffff : content.length, 20)
  header.writeUInt32LE(zip64 ? 0xffffffff : content.length, 24)
  header.writeUInt16LE(Buffer.byteLength(name), 28)
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE((mode << 16) >>> 0, 38)
  header.writeUInt32LE(zip64 ? 0xffffffff : offset, 42)
  return Buffer.concat([header, Buffer.from(name), extra])
}

function endRecords(count: number, size: number, offset: number, zip64: boolean): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(zip64 ? 0xffff : count, 8)
  end.writeUInt16LE(zip64 ? 0xffff : count, 10)
  end.writeUInt32LE(zip64 ? 0xffffffff : size, 12)
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16)
  if (!zip64) return end
  const end64 = Buffer.alloc(56)
  end64.writeUInt32LE(0x06064b50, 0)
  end64.writeBigUInt64LE(44n, 4)
  end64.writeUInt16LE(45, 12)
  end64.writeUInt16LE(45, 14)
  for (const at of [24, 32]) end64.writeBigUInt64LE(BigInt(count), at)
  end64.writeBigUInt64LE(BigInt(size), 40)
  end64.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset + size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([end64, locator, end])
}

/** The bytes of an archive of stored entries that begins at `start` of its file. */
export function zipBytes(entries: readonly ZipEntry[], { zip64 = false, start = 0 } = {}): Buffer {
  const locals = entries.map(localHeader)
  let offset = start
  const central = entries.map((entry, i) => {
    const header = centralHeader(entry, offset, zip64)
    offset += locals[i]!.length
    return header
  })
  const size = central.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([...locals, ...central, endRecords(entries.length, size, offset, zip64)])
}

/** Writes an archive; with `start` the bytes before it are a hole, which takes no space on the disk. */
export async function writeZip(
  path: string,
  entries: readonly ZipEntry[],
  options: { zip64?: boolean; start?: number } = {},
) {
  await writeFile(path, '')
  const file = await open(path, 'r+')
  const bytes = zipBytes(entries, options)
  await file.write(bytes, 0, bytes.length, options.start ?? 0)
  await file.close()
}
