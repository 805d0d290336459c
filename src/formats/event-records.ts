import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A number that TensorBoard draws as a point of the curve `tag`. */
export interface ScalarEvent {
  readonly tag: string
  readonly value: number
}

/** A text, in Markdown, that TensorBoard shows under `tag`. */
export interface TextEvent {
  readonly tag: string
  readonly text: string
}

/** What was measured at a step. */
export interface SummaryEvent {
  /** seconds since 1970 */
  readonly wallTime: number
  readonly step: number
  readonly scalars: readonly ScalarEvent[]
  readonly texts?: readonly TextEvent[]
}

/** The version of the format, which the first record of a file holds. */
const VERSION = 'brain.Event:2'
/** `DT_STRING` of TensorFlow's DataType. */
const DT_STRING = 7

/** The first record of an event file. */
export const versionRecord = (wallTime: number): Uint8Array =>
  record(
    new BinaryWriter()
      .tag(1, WireType.Bit64)
      .double(wallTime)
      .tag(3, WireType.LengthDelimited)
      .string(VERSION)
      .finish(),
  )

/** A record of an event file: a TensorFlow `Event` with a `Summary` (tensorflow/core/util/event.proto). */
export function summaryRecord({ wallTime, step, scalars, texts = [] }: SummaryEvent): Uint8Array {
  const event = new BinaryWriter().tag(1, WireType.Bit64).double(wallTime)
  if (step !== 0) event.tag(2, WireType.Varint).int64(step)
  event.tag(5, WireType.LengthDelimited).fork()
  for (const { tag, value } of scalars)
    message(event, 1, (each) => text(each, 1, tag).tag(2, WireType.Bit32).float(value))
  for (const { tag, text: content } of texts)
    message(event, 1, (each) => {
      text(each, 1, tag)
      message(each, 8, (tensor) => {
        tensor.tag(1, WireType.Varint).int32(DT_STRING)
        message(tensor, 2, (shape) => message(shape, 2, (size) => size.tag(1, WireType.Varint).int64(1)))
        text(tensor, 8, content)
      })
      message(each, 9, (metadata) => message(metadata, 1, (plugin) => text(plugin, 1, 'text')))
    })
  return record(event.join().finish())
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value)

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  write(writer)
  writer.join()
}

/**
 * A TFRecord: the length of the data as uint64, its checksum, the data, its checksum; all little-endian
 * (tensorflow/core/lib/io/record_writer.h).
 */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length + 4)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc(data), true)
  return bytes
}

/** A CRC-32C, rotated and shifted so that the checksum of data with checksums inside stays good. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** The remainders of all bytes by Castagnoli's polynomial, bits reversed. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  return remainder
})

/** The CRC-32C of bytes (RFC 3720, B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
