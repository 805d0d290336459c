import type { Tensor } from 'onnxruntime-web'
import type { DeviceValue } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'
import { fromTensor } from './tensors.ts'

/** An output that stays with ONNX Runtime: in a buffer of the GPU, or in memory without one. */
export class WebValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #tensor: Tensor
  #runs = 0
  #released = false

  constructor(tensor: Tensor) {
    this.dtype = tensor.type as DType
    this.shape = tensor.dims
    this.#tensor = tensor
  }

  /** The tensor, for a run that calls endUse() when it has ended; release() frees it no earlier. */
  use(): Tensor {
    if (this.#released) throw new Error('Internal: the value was released')
    this.#runs += 1
    return this.#tensor
  }

  /** Ends a run's use of the value. */
  endUse(): void {
    this.#runs -= 1
    this.#free()
  }

  async read(): Promise<HostValue> {
    const tensor = this.use()
    try {
      return await fromTensor(tensor)
    } finally {
      this.endUse()
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#free()
  }

  #free(): void {
    if (this.#released && this.#runs === 0) this.#tensor.dispose()
  }
}
