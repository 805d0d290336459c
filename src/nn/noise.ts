import { add, bitXor, cast, greater, iota, mul, reshape, shiftRight, slice, split } from '../graph/ops/index.ts'
import { product, type Shape } from '../graph/shape.ts'
import { constant, type Tensor } from '../graph/tensor.ts'

/**
 * Random bits for dropout, as a function of a seed, the training step and the place in the model: nothing is saved, and a step that is done again
 * draws the same. They are made inside the graph, so nothing random crosses to a device.
 *
 * Every row of a mask gets two hashed 32-bit numbers (r, s), every column two (c, d); the bit of a cell is (r + c)(s + d) mod 2³², compared with a
 * threshold: three passes over the mask, where a hash of each cell would take ten. The row and column numbers come from the finaliser of
 * MurmurHash3 (Appleby 2008), which has full avalanche, so different places, steps and seeds have nothing to do with each other.
 */
export class Noise {
  readonly #keys: Tensor
  #places = 0

  /** `seed` and `step` are int32 scalars, inputs of the graph. */
  constructor(seed: Tensor, step: Tensor) {
    const key = add(murmur(add(mul(seed, GOLDEN), 1)), mul(step, ODD))
    this.#keys = murmur(add(mul(iota(MOST_PLACES), constant(PLACE, 'int32')), key))
  }

  /** bool `shape`, each true with probability `keep`; another draw at each call. */
  mask(shape: Shape, keep: number): Tensor {
    const rows = product(shape.slice(0, -1))
    const columns = shape.at(-1)!
    const [r, s] = split(reshape(this.#numbers(product([2, rows])), [2, rows, 1]), 0, 2)
    const [c, d] = split(reshape(this.#numbers(product([2, columns])), [2, 1, columns]), 0, 2)
    const bits = mul(add(r!, c!), add(s!, d!))
    const threshold = Math.round(2 ** 31 - 1 - keep * 2 ** 32)
    return reshape(greater(bits, constant(Math.max(threshold, -(2 ** 31)), 'int32')), shape)
  }

  /** Hashed numbers that belong to one place in the model. */
  #numbers(count: Shape[number]): Tensor {
    const place = this.#places++
    if (place === MOST_PLACES) throw new Error(`Internal: a model may draw noise at ${MOST_PLACES / 2} places`)
    return murmur(add(mul(iota(count), constant(GOLDEN, 'int32')), slice(this.#keys, 0, place, place + 1)))
  }
}

const MOST_PLACES = 128
const GOLDEN = 0x9e3779b9 | 0
const ODD = 0x85157af5 | 0
const PLACE = 0x632be5ab

/** The 32-bit finaliser of MurmurHash3. */
function murmur(x: Tensor): Tensor {
  const mixed = mul(xorShift(x, 16), constant(0x85ebca6b | 0, 'int32'))
  return xorShift(mul(xorShift(mixed, 13), constant(0xc2b2ae35 | 0, 'int32')), 16)
}

function xorShift(x: Tensor, bits: number): Tensor {
  return bitXor(x, cast(shiftRight(cast(x, 'uint32'), constant(bits, 'uint32')), 'int32'))
}
