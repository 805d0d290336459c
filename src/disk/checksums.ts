// A safetensors file has no checksum. Those that we write have two in their metadata, as `mia-crc32`: the CRC-32 of the
// header, with zeros in its own place, and that of the data. Files of other programs, and of version 0.1.0, have none
// and are read without.
import { UserError } from '../errors.ts'
import { serializeSafetensors, type TensorData } from '../formats/safetensors.ts'
import { crc32 } from './crc32.ts'

const KEY = 'mia-crc32'
const ZEROS = '0'.repeat(8)
const VALUE = /^[0-9a-f]{8} [0-9a-f]{8}$/
/** Bytes of a call: Node counts them in 32 bits. */
const AT_ONCE = 2 ** 30

const hex = (value: number): string => value.toString(16).padStart(8, '0')

/** The CRC-32 of parts that follow each other. */
function checksum(parts: Iterable<Uint8Array>): number {
  let value = 0
  for (const part of parts)
    for (let at = 0; at < part.length; at += AT_ONCE) value = crc32(part.subarray(at, at + AT_ONCE), value)
  return value
}

/** The CRC-32 of bytes in hexadecimal, as in `0a1b2c3d`. */
export const checksumOf = (bytes: Uint8Array): string => hex(checksum([bytes]))

/** The parts of a safetensors file as serializeSafetensors() makes them, with checksums. */
export function serializeWithChecksums(
  tensors: Iterable<readonly [string, TensorData]>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const list = [...tensors]
  const ofData = hex(checksum(serializeSafetensors(list).slice(1)))
  const [header, ...data] = serializeSafetensors(list, { [KEY]: `${ZEROS} ${ofData}`, ...metadata })
  placeOf(header!, `${ZEROS} ${ofData}`)!.set(Buffer.from(hex(checksum([header!.subarray(8)]))))
  return [header!, ...data]
}

/** The checksums of a header's metadata, and the other metadata. */
export interface Checked {
  readonly metadata: Readonly<Record<string, string>>
  /** the CRC-32 of the data in hexadecimal, if the file has one */
  readonly ofData?: string
}

/**
 * Checks a header (without the eight bytes of its length) against its checksum. Throws UserError, which calls the file
 * `name`, if it is another.
 */
export function checkHeader(header: Uint8Array, metadata: Readonly<Record<string, string>>, name: string): Checked {
  const { [KEY]: value, ...others } = metadata
  if (value === undefined) {
    if (Object.values(others).some((other) => VALUE.test(other))) refuse(name) // a letter of the key is another
    return { metadata }
  }
  if (!VALUE.test(value)) refuse(name)
  const copy = Uint8Array.from(header)
  placeOf(copy, value)?.set(Buffer.from(ZEROS))
  const [ofHeader, ofData] = value.split(' ') as [string, string]
  if (checksumOf(copy) !== ofHeader) refuse(name)
  return { metadata: others, ofData }
}

/** Throws UserError, which calls the file `name`, unless bytes have the checksum. */
export function checkBytes(bytes: Uint8Array, expected: string, name: string): void {
  if (checksumOf(bytes) !== expected) refuse(name)
}

function refuse(name: string): never {
  throw new UserError(`Cannot read ${name}: its checksum is wrong; the file is damaged: copy it or make it again`)
}

/** The first eight digits of the checksums in a header. */
function placeOf(header: Uint8Array, value: string): Uint8Array | undefined {
  const at = Buffer.from(header.buffer, header.byteOffset, header.length).indexOf(`"${KEY}":"${value}"`)
  const start = at + KEY.length + 4
  return at < 0 ? undefined : header.subarray(start, start + ZEROS.length)
}
