import { ONNX_TYPE } from '../dtype.ts'
import type { Dim } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'

const iotaOp = defineOp<{ size: Dim }>({
  name: 'iota',
  infer: (_, { size }) => ({ shape: [size], dtype: 'int32' }),
  lower({ attrs: { size } }, emit, outputs) {
    const [end] = emit.node('Squeeze', [emit.shape([size])])
    const [range] = emit.node('Range', [emit.constant([0], 'int64', []), end!, emit.constant([1], 'int64', [])])
    emit.node('Cast', [range!], { attrs: { to: ONNX_TYPE.int32 }, outputs })
  },
})

/** The whole numbers from 0 to `size` - 1 as int32 `[size]`. */
export const iota = (size: Dim): Tensor => iotaOp([], { size })[0]!
