import type { Communicator, Waiting } from '../distributed/communicator.ts'
import type { HostValues, Runtime } from '../engine/session.ts'
import { floats, type HostValue } from '../formats/host-value.ts'
import type { Parameter } from '../nn/scope.ts'
import { HalfSum } from './half-sum.ts'
import type { GradientType } from './hyperparameters.ts'
import { gradientName } from './update.ts'

/** The bytes of a bucket: 25 MiB, as in PyTorch's DistributedDataParallel (Li et al., VLDB 2020, section 3.2.3). */
const BUCKET_BYTES = 25 * 2 ** 20
/** Every gradient begins at a multiple of 16 numbers: 64 bytes of float32, a line of the cache. */
const ALIGNED = 16

/** Numbers that are summed with the gradients. */
interface Extras {
  readonly loss: number
  /** whether this rank wants to stop */
  readonly stop: boolean
  /** seconds that the others may come later */
  readonly patience: number
}

/**
 * The gradients of a rank in one array, in which the engine writes them and MPI sums them, a bucket at a time: few
 * calls, and none so large that it needs much memory for the other ranks' numbers.
 */
export class GradientBuckets {
  /** each gradient under its gradientName(), a view of the array */
  readonly gradients: HostValues
  readonly #all: Float32Array | Uint16Array
  readonly #halves: HalfSum | undefined

  /** The gradients are those of some parameters: float32, or float16 if `halves` sums these. */
  constructor(parameters: readonly Parameter[], halves?: HalfSum) {
    const sizes = parameters.map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    const starts: number[] = []
    let next = 0
    for (const size of sizes) {
      starts.push(next)
      next += Math.ceil(size / ALIGNED) * ALIGNED
    }
    const all = halves ? new Uint16Array(halves.paddedLength(next)) : new Float32Array(next)
    const view = (i: number): HostValue => {
      const { shape } = parameters[i]!
      const data = all.subarray(starts[i], starts[i]! + sizes[i]!)
      return data instanceof Float32Array ? floats(shape, data) : { dtype: 'float16', shape, data }
    }
    this.#all = all
    this.#halves = halves
    this.gradients = Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), view(i)]))
  }

  /** The type of the gradients. */
  get type(): GradientType {
    return this.#halves ? 'float16' : 'float32'
  }

  /** Forgets the gradients: those of a rank without images. */
  clear(): void {
    this.#all.fill(0)
  }

  /** Sums the gradients of all ranks, their losses, and how many of them want to stop. */
  async sum(ranks: Communicator, { loss, stop, patience }: Extras): Promise<{ loss: number; stops: number }> {
    const extras = Float32Array.of(loss, stop ? 1 : 0)
    await Promise.all([ranks.sum(extras, { patience }), this.#sum(ranks, { patience })])
    return { loss: extras[0]!, stops: extras[1]! }
  }

  async #sum(ranks: Communicator, waiting: Waiting): Promise<void> {
    const all = this.#all
    if (all instanceof Uint16Array) return this.#halves!.sum(all, ranks, waiting)
    const sums: Promise<void>[] = []
    const bucket = BUCKET_BYTES / all.BYTES_PER_ELEMENT
    for (let start = 0; start < all.length; start += bucket)
      sums.push(ranks.sum(all.subarray(start, start + bucket), waiting))
    await Promise.all(sums)
  }

  /** Frees what sums float16. */
  release(): void {
    this.#halves?.release()
  }
}

/** Buckets for gradients of a type. */
export const openBuckets = async (
  runtime: Runtime,
  parameters: readonly Parameter[],
  { type, ranks }: { readonly type: GradientType; readonly ranks: number },
): Promise<GradientBuckets> =>
  new GradientBuckets(parameters, type === 'float16' ? await HalfSum.load(runtime, ranks, BUCKET_BYTES) : undefined)
