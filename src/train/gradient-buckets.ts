import type { Communicator } from '../distributed/communicator.ts'
import type { HostValues } from '../engine/session.ts'
import { floats, type HostValue } from '../formats/host-value.ts'
import type { Parameter } from '../nn/scope.ts'
import { gradientName } from './update.ts'

/** The numbers of a bucket: 25 MiB, as in PyTorch's DistributedDataParallel (Li et al., VLDB 2020, section 3.2.3). */
const BUCKET = 25 * 2 ** 18
/** Numbers that are summed with the gradients: the loss, and how many ranks want to stop. */
const EXTRAS = 2
/** Every gradient begins at a multiple of 16 numbers: 64 bytes, a line of the cache. */
const ALIGNED = 16

/**
 * The gradients of a rank in one array, in which the engine writes them and MPI sums them, a bucket at a time: few
 * calls, and none so large that it needs much memory for the other ranks' numbers.
 */
export class GradientBuckets {
  /** each gradient under its gradientName(), a view of the array */
  readonly gradients: HostValues
  readonly #all: Float32Array

  /** The gradients are those of some parameters. */
  constructor(parameters: readonly Parameter[]) {
    const sizes = parameters.map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    const starts: number[] = []
    let next = ALIGNED // the extras come first
    for (const size of sizes) {
      starts.push(next)
      next += Math.ceil(size / ALIGNED) * ALIGNED
    }
    this.#all = new Float32Array(next)
    const view = (i: number): HostValue =>
      floats(parameters[i]!.shape, this.#all.subarray(starts[i], starts[i]! + sizes[i]!))
    this.gradients = Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), view(i)]))
  }

  /** Forgets the gradients: those of a rank without images. */
  clear(): void {
    this.#all.fill(0)
  }

  /**
   * Sums the gradients of all ranks, their losses, and how many of them want to stop. `patience` is how many seconds
   * the others may come later.
   */
  async sum(
    ranks: Communicator,
    { loss, stop, patience }: { loss: number; stop: boolean; patience: number },
  ): Promise<{ loss: number; stops: number }> {
    this.#all.set([loss, stop ? 1 : 0])
    const sums: Promise<void>[] = []
    for (let start = 0; start < this.#all.length; start += BUCKET)
      sums.push(ranks.sum(this.#all.subarray(start, start + BUCKET), { patience }))
    await Promise.all(sums)
    const [total, stops] = this.#all.subarray(0, EXTRAS)
    return { loss: total!, stops: stops! }
  }
}
