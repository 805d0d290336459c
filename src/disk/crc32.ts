import * as zlib from 'node:zlib'

/** The CRC-32 of bytes that follow those with the CRC-32 `start`. Node has it since 20.15. */
export const crc32: (bytes: Uint8Array, start: number) => number = zlib.crc32 ?? crc32ByTable

let table: Uint32Array | undefined

/** The CRC-32 by a table of 256 entries, for Node 20.12 to 20.14. */
export function crc32ByTable(bytes: Uint8Array, start: number): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    return value
  })
  let value = ~start
  for (const byte of bytes) value = (value >>> 8) ^ table[(value ^ byte) & 0xff]!
  return ~value >>> 0
}
