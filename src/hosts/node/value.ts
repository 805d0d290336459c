import type { DeviceValue } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'
import type { NodeEnvironment } from './environment.ts'

/** An output that stays in ONNX Runtime's memory. */
export class NodeValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #environment: NodeEnvironment
  #handle: bigint
  #runs = 0
  #released = false

  /** Takes over the OrtValue, unless the constructor throws. */
  constructor(environment: NodeEnvironment, handle: bigint) {
    const { dtype, shape } = environment.describe(handle)
    this.dtype = dtype
    this.shape = shape
    this.#environment = environment
    this.#handle = handle
    environment.releaseWith(this, handle)
  }

  /** The OrtValue, for a run that calls endUse() when it has ended; release() frees it no earlier. */
  use(): bigint {
    this.#check()
    this.#runs += 1
    return this.#handle
  }

  /** Ends a run's use of the value. */
  endUse(): void {
    this.#runs -= 1
    this.#free()
  }

  /** A copy of the value. */
  async read(): Promise<HostValue> {
    this.#check()
    return this.#environment.copy(this.#handle)
  }

  /** Frees the OrtValue, after the runs that use it. */
  release(): void {
    this.#released = true
    this.#free()
  }

  #check(): void {
    if (this.#released) throw new Error('Internal: the value was released')
  }

  #free(): void {
    if (!this.#released || this.#runs > 0 || this.#handle === 0n) return
    this.#environment.releaseValue(this.#handle, this)
    this.#handle = 0n
  }
}
