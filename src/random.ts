// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1,
// 2, 3", SC 2011). Each number is a function of seed, stream and position, so a resumed run needs no saved generator
// state: what an epoch draws depends only on the seed and the epoch. Runs in a page.

/** Philox4x32-10: maps a counter of four 32-bit words and a key of two to four random unsigned 32-bit words. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [a, b, c, d] = counter as [number, number, number, number]
  let [k0, k1] = key as [number, number]
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(a, 0xd2511f53)
    const high1 = multiplyHigh(c, 0xcd9e8d57)
    const low0 = Math.imul(a, 0xd2511f53)
    const low1 = Math.imul(c, 0xcd9e8d57)
    a = high1 ^ b ^ k0
    b = low1
    c = high0 ^ d ^ k1
    d = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0]
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers, from 16-bit products. */
function multiplyHigh(x: number, y: number): number {
  const [x1, x0, y1, y0] = [x >>> 16, x & 0xffff, y >>> 16, y & 0xffff]
  const middle = x1 * y0 + ((x0 * y0) >>> 16)
  const carry = (middle % 0x10000) + x0 * y1
  return (x1 * y1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0
}

/** A stream of random numbers. Streams with the same seed and different `stream` numbers are independent. */
export class Random {
  readonly #key: readonly number[]
  readonly #stream: readonly number[]
  #block: readonly number[] = []
  #drawn = 0

  /**
   * `seed` is an integer from 0 to 2^53 - 1; `stream` is up to three integers, such as an epoch and a purpose. Throws
   * RangeError for another seed.
   */
  constructor(seed: number, ...stream: readonly [number?, number?, number?]) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Cannot seed random numbers with ${seed}: a seed is an integer from 0 to 2^53 - 1`)
    }
    this.#key = [seed | 0, Math.floor(seed / 2 ** 32)]
    this.#stream = [stream[0] ?? 0, stream[1] ?? 0, stream[2] ?? 0]
  }

  /** A uniform integer from 0 to 2^32 - 1. */
  uint32(): number {
    const place = this.#drawn % 4
    if (place === 0) this.#block = philox([Math.floor(this.#drawn / 4), ...this.#stream], this.#key)
    this.#drawn++
    return this.#block[place]!
  }

  /** A uniform number in the open interval (0, 1). */
  uniform(): number {
    return (this.uint32() + 0.5) / 2 ** 32
  }

  /** A standard normal number, mean 0 and variance 1 (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /**
   * A uniform integer from 0 to `count` - 1, unbiased by rejection. Throws RangeError unless `count` is an integer from
   * 1 to 2^32.
   */
  below(count: number): number {
    if (!Number.isInteger(count) || count < 1 || count > 2 ** 32) {
      throw new RangeError(`Cannot draw a number below ${count}: it must be an integer from 1 to 2^32`)
    }
    const fair = 2 ** 32 - (2 ** 32 % count)
    for (;;) {
      const number = this.uint32()
      if (number < fair) return number % count
    }
  }

  /** Shuffles the items in place (Fisher and Yates) and returns them. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = items[i]
      items[i] = items[j]
      items[j] = item
    }
    return items
  }
}
