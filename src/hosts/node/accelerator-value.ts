import type { DeviceValue } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'
import type { Accelerator } from './accelerator.ts'

/** An output that stays in the memory of a GPU, or one that the run has copied to ordinary memory to be read. */
export class AcceleratorValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #accelerator: Accelerator
  readonly #isCopied: boolean
  #handle: bigint
  #uses = 0
  #released = false

  /** Takes over the OrtValue; `isCopied` says that it is in ordinary memory. */
  constructor(accelerator: Accelerator, handle: bigint, isCopied: boolean) {
    const { dtype, shape } = accelerator.environment.describe(handle)
    this.dtype = dtype
    this.shape = shape
    this.#accelerator = accelerator
    this.#handle = handle
    this.#isCopied = isCopied
    accelerator.releaseWith(this, handle)
  }

  /** The OrtValue, for a run that calls endUse() when it has ended; release() frees it no earlier. */
  use(): bigint {
    if (this.#released) throw new Error('Internal: the value was released')
    this.#uses += 1
    return this.#handle
  }

  /** Ends a run's use of the value. */
  endUse(): void {
    this.#uses -= 1
    this.#free()
  }

  async read(): Promise<HostValue> {
    const handle = this.use()
    try {
      if (this.#isCopied) return this.#accelerator.environment.copy(handle)
      return await this.#accelerator.read(handle, this.dtype, this)
    } finally {
      this.endUse()
    }
  }

  release(): void {
    this.#released = true
    this.#free()
  }

  /** Whether the value is in the memory of that device. */
  isOn(accelerator: Accelerator): boolean {
    return accelerator === this.#accelerator
  }

  #free(): void {
    if (!this.#released || this.#uses > 0 || this.#handle === 0n) return
    this.#accelerator.release(this.#handle, this)
    this.#handle = 0n
  }
}
