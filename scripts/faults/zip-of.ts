import { deflateRawSync } from 'node:zlib'
import { crc32ByTable } from '../../src/disk/crc32.ts'

const numbers = (...pairs: readonly (readonly [number, 2 | 4])[]): Buffer =>
  Buffer.concat(
    pairs.map(([value, size]) => {
      const bytes = Buffer.alloc(size)
      if (size === 2) bytes.writeUInt16LE(value)
      else bytes.writeUInt32LE(value >>> 0)
      return bytes
    }),
  )

/** A zip archive with one file, deflated or stored. */
export function zipOf(name: string, content: Uint8Array, { stored = false } = {}): Uint8Array {
  const [title, packed] = [Buffer.from(name), stored ? content : deflateRawSync(content)]
  const common = [
    [20, 2],
    [0, 2],
    [stored ? 0 : 8, 2],
    [0, 4],
    [crc32ByTable(content, 0), 4],
    [packed.length, 4],
    [content.length, 4],
    [title.length, 2],
    [0, 2],
  ] as const
  const local = Buffer.concat([numbers([0x04034b50, 4], ...common), title, packed])
  const central = Buffer.concat([
    numbers([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [0, 4]),
    title,
  ])
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [1, 2], [1, 2], [central.length, 4], [local.length, 4], [0, 2])
  return new Uint8Array(Buffer.concat([local, central, end]))
}
