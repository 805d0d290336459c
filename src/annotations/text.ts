import { UserError } from '../errors.ts'
import { binaryFault, downloadFault } from './binary-kinds.ts'
import { MAX_TEXT_BYTES, type Packing, unpack } from './unpack.ts'

/** The encodings that are read. */
export type Encoding = 'UTF-8' | 'UTF-16LE' | 'UTF-16BE'

/** The text of a file. */
export interface FileText {
  /** Without byte order mark; line ends are as in the file. */
  readonly text: string
  readonly encoding: Encoding
  /** How the file is packed, from the outside in; empty if it is not. */
  readonly packings: readonly Packing[]
}

/**
 * Decodes the bytes of a text file: UTF-8, checked strictly, or UTF-16, with or without byte order mark, in gzip or in
 * a zip archive of one file or not packed. `name` names the file in errors, as in `results "a.json"`. Throws UserError
 * for another encoding, a binary file, damaged data, and more than MAX_TEXT_BYTES.
 */
export async function readFileText(bytes: Uint8Array, name: string): Promise<FileText> {
  const { bytes: content, packings } = await unpack(bytes, name)
  const fault = binaryFault(content)
  if (fault) throw new UserError(`Cannot read ${name}: ${fault}`)
  if (content.length > MAX_TEXT_BYTES)
    throw new UserError(`Cannot read ${name}: it has ${content.length} bytes; the limit is ${MAX_TEXT_BYTES}; split it`)
  const encoding = encodingOf(content)
  if (encoding === 'UTF-32')
    throw new UserError(`Cannot read ${name}: it is UTF-32; save it as UTF-8, for example with iconv -t UTF-8`)
  const text = decode(content, encoding, name)
  const other = downloadFault(text.slice(0, 200))
  if (other) throw new UserError(`Cannot read ${name}: ${other}`)
  return { text, encoding, packings }
}

/**
 * The encoding by the byte order mark, or by the zero bytes of the first two characters, which are ASCII in JSON and
 * in a header (RFC 4627, section 3).
 */
function encodingOf(bytes: Uint8Array): Encoding | 'UTF-32' {
  const [a, b, c, d] = bytes
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return 'UTF-32'
  if (a === 0xff && b === 0xfe) return 'UTF-16LE'
  if (a === 0xfe && b === 0xff) return 'UTF-16BE'
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return 'UTF-16LE'
  if (a === 0 && b !== 0 && c === 0 && d !== 0) return 'UTF-16BE'
  return 'UTF-8'
}

function decode(bytes: Uint8Array, encoding: Encoding, name: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    const advice = 'convert it, for example with "iconv -f LATIN1 -t UTF-8"'
    if (encoding !== 'UTF-8')
      throw new UserError(`Cannot read ${name}: it begins as ${encoding}, but is not; save it as UTF-8`)
    const at = firstInvalid(bytes)
    const line = bytes.subarray(0, at).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1)
    const byte = bytes[at]?.toString(16).padStart(2, '0')
    throw new UserError(`Cannot read ${name}: it is not UTF-8 (byte 0x${byte} in line ${line}); ${advice}`)
  }
}

/** The position of the first byte that UTF-8 does not allow (Unicode 15, table 3-7). */
function firstInvalid(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      at++
      continue
    }
    const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    const second = bytes[at + 1] ?? 0
    const [low, high] = SECOND[lead] ?? [0x80, 0xbf]
    if (lead < 0xc2 || lead > 0xf4 || second < low || second > high) return at
    for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return at
    at += length
  }
  return at
}

/** By lead byte: the allowed second bytes, where they are not 80 to BF. */
const SECOND: Readonly<Record<number, readonly [number, number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
}
