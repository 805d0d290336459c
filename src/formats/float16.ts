// float16 (IEEE 754 binary16) as its bits in a Uint16Array.

/**
 * Rounds to the nearest float16, ties to even: from 65520 to infinity, up to 2^-25 to zero. Fills and returns `into`.
 */
export function toFloat16(numbers: Float32Array, into: Uint16Array = new Uint16Array(numbers.length)): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length)
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000
    const magnitude = bits[i]! & 0x7fffffff
    into[i] = sign | (magnitude < 0x38800000 ? subnormal(magnitude) : normal(magnitude))
  }
  return into
}

/** Converts float16 bits to float32, exactly. Fills and returns `into`. */
export function fromFloat16(bits: Uint16Array, into: Float32Array = new Float32Array(bits.length)): Float32Array {
  values ??= allValues()
  for (let i = 0; i < bits.length; i++) into[i] = values[bits[i]!]!
  return into
}

/**
 * From 2^-14: the exponent's bias goes from 127 to 15 and the fraction from 23 bits to 10. A carry of the rounding may
 * run into the exponent.
 */
function normal(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00
  if (magnitude >= 0x47800000) return 0x7c00
  return (magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
}

/** Below 2^-14: the number of steps of 2^-24. */
function subnormal(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return 0
  const fraction = (magnitude & 0x7fffff) | 0x800000
  return (fraction + (1 << (shift - 1)) - 1 + ((fraction >>> shift) & 1)) >>> shift
}

let values: Float32Array | undefined

/** The values of all 65,536 bit patterns, 256 kB: a look-up is faster than arithmetic. */
function allValues(): Float32Array {
  const table = new Float32Array(65536)
  const bits = new Uint32Array(table.buffer)
  for (let half = 0; half < 0x8000; half++) {
    if (half < 0x400) table[half] = half * 2 ** -24
    else bits[half] = (half << 13) + (half < 0x7c00 ? 112 : 224) * 2 ** 23
    bits[half | 0x8000] = bits[half]! | 0x80000000
  }
  return table
}
