import {
  add,
  bitXor,
  cast,
  clip,
  constant,
  type Dim,
  greater,
  iota,
  mul,
  product,
  quotient,
  reshape,
  type Shape,
  ShapeError,
  shiftRight,
  slice,
  split,
  type Tensor,
} from '../graph/index.ts'

/** The rows of a mask in the mask of a whole batch. */
export interface NoiseRows {
  /** the number of each row in the whole, int32 `[rows]` */
  readonly numbers: Tensor
  /** how many rows the whole has, an int32 scalar */
  readonly total: Tensor
}

/** The part of a global batch that one of several ranks trains on: consecutive images. */
export interface Shard {
  /** images of the ranks before, an int32 scalar */
  readonly before: Tensor
  /** images of the whole batch, an int32 scalar */
  readonly total: Tensor
}

/**
 * The random bits of dropout and of sampled words, as a function of a seed, the training step and the place in the
 * model: nothing is saved, and a step that is repeated draws the same. They are made inside the graph, so nothing
 * random is sent to a device.
 *
 * Every row of a mask gets two hashed 32-bit numbers (r, s), every column two (c, d); a cell's bits are (r + c)(s + d)
 * mod 2³², compared with a threshold: three passes over the mask, where hashing each cell would take ten. The rows' and
 * columns' numbers come from the finaliser of MurmurHash3 (Appleby 2008), which has full avalanche, so that places,
 * steps and seeds are independent.
 *
 * With a shard, the rows are numbered as in the whole batch: N ranks draw together what one process would draw for all
 * images.
 */
export class Noise {
  readonly #keys: Tensor
  readonly #shard: Shard | undefined
  #places = 0

  /**
   * `seed` and `step` are int32 scalars, inputs of the graph; `shard` says which images of the batch are this rank's.
   */
  constructor(seed: Tensor, step: Tensor, shard?: Shard) {
    const key = add(murmur(add(mul(seed, GOLDEN), 1)), mul(step, ODD))
    this.#keys = murmur(add(mul(iota(MOST_PLACES), constant(PLACE, 'int32')), key))
    this.#shard = shard
  }

  /**
   * A bool mask of `shape`, each cell true with probability `keep`; another draw at each call. `rows` numbers the rows
   * in the whole batch; without it they are numbered image by image. Throws ShapeError for a shard whose rows are not a
   * whole number for each image.
   */
  mask(shape: Shape, keep: number, rows: NoiseRows | undefined = this.#rowsOf(shape)): Tensor {
    const threshold = Math.round(2 ** 31 - 1 - keep * 2 ** 32)
    return greater(this.#bits(shape, rows), constant(Math.max(threshold, -(2 ** 31)), 'int32'))
  }

  /**
   * Uniform random numbers of `shape`, float32, greater than 0 and less than 1; another draw at each call. Their bits
   * are mixed once more than those of masks: a sample is the largest of thousands of numbers, where a dependence
   * between the cells of a row would count.
   */
  uniform(shape: Shape): Tensor {
    const bits = cast(murmur(this.#bits(shape, this.#rowsOf(shape))), 'float32')
    return clip(add(mul(bits, 2 ** -32), 0.5), SMALLEST_UNIFORM, 1 - SMALLEST_UNIFORM)
  }

  /** Random bits of `shape`, int32. */
  #bits(shape: Shape, rows: NoiseRows | undefined): Tensor {
    const height = product(shape.slice(0, -1))
    const width = shape.at(-1)!
    const [r, s] = rows
      ? this.#pairs(rows, height)
      : split(reshape(this.#numbers(iota(product([2, height]))), [2, height, 1]), 0, 2)
    const [c, d] = split(reshape(this.#numbers(iota(product([2, width]))), [2, 1, width]), 0, 2)
    return reshape(mul(add(r!, c!), add(s!, d!)), shape)
  }

  /** The rows of a mask of this rank's images, of which each has equally many; undefined without a shard. */
  #rowsOf(shape: Shape): NoiseRows | undefined {
    if (!this.#shard) return undefined
    const height = product(shape.slice(0, -1))
    const each = quotient(height, IMAGES)
    if (typeof each !== 'number')
      throw new ShapeError(
        `Cannot draw noise for ${height} rows of a shard: they are not a whole number for each image`,
      )
    const scale = constant(each, 'int32')
    return {
      numbers: add(iota(height), mul(this.#shard.before, scale)),
      total: mul(this.#shard.total, scale),
    }
  }

  /**
   * The two hashed numbers of rows that are numbered in a whole; the second ones follow all first ones, as without a
   * shard.
   */
  #pairs({ numbers, total }: NoiseRows, height: Dim): [Tensor, Tensor] {
    const place = this.#place()
    const column = (values: Tensor): Tensor => reshape(this.#hash(values, place), [1, height, 1])
    return [column(numbers), column(add(numbers, total))]
  }

  /** Hashed numbers that belong to the next place in the model. */
  #numbers(values: Tensor): Tensor {
    return this.#hash(values, this.#place())
  }

  #hash(values: Tensor, place: number): Tensor {
    return murmur(add(mul(values, constant(GOLDEN, 'int32')), slice(this.#keys, 0, place, place + 1)))
  }

  #place(): number {
    const place = this.#places++
    if (place === MOST_PLACES) throw new Error(`Internal: a model may draw noise at ${MOST_PLACES / 2} places`)
    return place
  }
}

/** The symbol of the number of images, the first size of everything that belongs to images. */
const IMAGES = 'B'
/** float32 has no number between 1 and 1 - 2^-24. */
const SMALLEST_UNIFORM = 2 ** -24
/** Two for each mask: more than the largest model within LIMITS has. */
const MOST_PLACES = 4096
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
