import type { Random } from '../../src/random.ts'

/** Bytes that a parser takes for a length, a sign, or an end. */
const ODD = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x0a, 0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d]
/** Text that stands where a value is expected. */
const VALUES = ['-1', '1e999', '0.5', 'null', '[]', '{}', '""', '"__proto__"', '"../x"', 'true', '99999999999999999999']

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array

const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** A part of the bytes: from its start up to its end, at most `most` long. */
function part(bytes: Uint8Array, random: Random, most: number): [number, number] {
  const start = random.below(bytes.length)
  return [start, Math.min(bytes.length, start + 1 + random.below(most))]
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
    return bytes
  },
  (bytes, random) => {
    bytes[random.below(bytes.length)] = ODD[random.below(ODD.length)]!
    return bytes
  },
  (bytes, random) => {
    const at = random.below(bytes.length)
    new DataView(bytes.buffer, bytes.byteOffset).setUint8(at, random.below(256))
    if (at + 4 <= bytes.length) new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, random.below(2 ** 32), true)
    return bytes
  },
  (bytes, random) => Uint8Array.from(bytes.subarray(0, 1 + random.below(bytes.length))),
  (bytes, random) => {
    const [start, end] = part(bytes, random, 64)
    return join(bytes.subarray(0, start), bytes.subarray(end))
  },
  (bytes, random) => {
    const [start, end] = part(bytes, random, 256)
    return join(bytes.subarray(0, end), bytes.subarray(start, end), bytes.subarray(end))
  },
  (bytes, random) => {
    const at = random.below(bytes.length)
    const text = new TextEncoder().encode(VALUES[random.below(VALUES.length)])
    return join(bytes.subarray(0, at), text, bytes.subarray(at + random.below(8)))
  },
]

/** A copy of the bytes with one to four mutations: flipped bits, odd bytes and lengths, parts lost, repeated or odd. */
export function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(original) // slice() of a Buffer would share its memory
  for (let left = 1 + random.below(4); left > 0 && bytes.length > 0; left--)
    bytes = MUTATIONS[random.below(MUTATIONS.length)]!(bytes, random)
  return bytes
}
