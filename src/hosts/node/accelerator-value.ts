import type { DeviceValue } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'
import type { Accelerator } from './accelerator.ts'

/** An output that stays in the memory of a GPU. */
export class AcceleratorValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #accelerator: Accelerator
  #handle: bigint
  #uses = 0
  #released = false

  /** Takes over the OrtValue. */
  constructor(accelerator: Accelerator, handle: bigint) {
    const { dtype, shape } = accelerator.environment.describe(handle)
    this.dtype = dtype
    this.shape = shape
    this.#accelerator = accelerator
    this.#handle = handle
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
