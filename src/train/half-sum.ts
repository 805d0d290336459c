import type { Communicator, Waiting } from '../distributed/communicator.ts'
import type { Runtime, Session } from '../engine/session.ts'
import { cast, input, sum } from '../graph/index.ts'
import { toOnnx } from '../onnx/export.ts'

/** Parts of a bucket begin at a multiple of so many numbers. */
const ALIGNED = 16

/**
 * The sum of float16 numbers over the ranks, which MPI does not have: each rank gets one part of every rank's numbers,
 * adds these up in float32, and sends the sum to all. That moves as many numbers as a ring all-reduce, which is the
 * least possible (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4), and rounds to float16 only twice, before and
 * after the sum. All ranks get the same bytes.
 */
export class HalfSum {
  readonly #add: Session
  readonly #ranks: number
  readonly #bucket: number

  private constructor(add: Session, ranks: number, bucketBytes: number) {
    this.#add = add
    this.#ranks = ranks
    this.#bucket = this.paddedLength(bucketBytes / Uint16Array.BYTES_PER_ELEMENT)
  }

  /** Compiles the addition for a number of ranks; numbers are sent in buckets of about so many bytes. */
  static async load(runtime: Runtime, ranks: number, bucketBytes: number): Promise<HalfSum> {
    const parts = input('parts', [ranks, 'N'], 'float16')
    const add = await runtime.load(toOnnx({ sum: cast(sum(cast(parts, 'float32'), [0]), 'float16') }))
    return new HalfSum(add, ranks, bucketBytes)
  }

  /** The least number of numbers, at least `length`, that sum() takes: every rank gets an equal part of them. */
  paddedLength(length: number): number {
    const unit = this.#ranks * ALIGNED
    return Math.ceil(length / unit) * unit
  }

  /** Adds the numbers of all ranks in place. */
  async sum(all: Uint16Array, ranks: Communicator, waiting: Waiting): Promise<void> {
    for (let start = 0; start < all.length; start += this.#bucket) {
      const bucket = all.subarray(start, start + this.#bucket)
      const bytes = new Uint8Array(bucket.buffer, bucket.byteOffset, bucket.byteLength)
      const data = new Uint16Array(bucket.length)
      await ranks.exchange(bytes, new Uint8Array(data.buffer), waiting)
      const part = bucket.length / this.#ranks
      const own = new Uint16Array(part)
      const into = { sum: { dtype: 'float16', shape: [part], data: own } } as const
      await this.#add.run({ parts: { dtype: 'float16', shape: [this.#ranks, part], data } }, { into })
      const sums = await ranks.gather(new Uint8Array(own.buffer), waiting)
      for (const [rank, each] of sums.entries()) bytes.set(each, rank * own.byteLength)
    }
  }

  /** Frees the addition. */
  release(): void {
    this.#add.release()
  }
}
