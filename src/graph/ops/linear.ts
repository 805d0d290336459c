import { frontAxis, ShapeError, show } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { matmul } from './matmul.ts'
import { reshape, sum } from './movement.ts'

const linearOp = defineOp<Record<string, never>>({
  name: 'linear',
  infer([x, weight, bias]) {
    const [out, size] = weight!.shape
    if (x!.shape.length !== 2 || weight!.shape.length !== 2 || x!.shape[1] !== size || bias!.shape[0] !== out)
      throw new ShapeError(
        `Cannot map ${show(x!.shape)} by weight ${show(weight!.shape)} and bias ${show(bias!.shape)}: expected [N, in], [out, in] and [out]`,
      )
    return { shape: [x!.shape[0]!, out!], dtype: x!.dtype }
  },
  grad: ({ dy, inputs: [x, weight] }) => [matmul(dy, weight!), matmul(dy, x!, { transA: true }), sum(dy, [0])],
  lower: ({ inputs }, emit, outputs) =>
    void emit.node('Gemm', inputs.map(emit.name), { attrs: { transB: 1 }, outputs }),
})

/** An affine map of the last axis, `x Wᵀ + b`: x `[…, in]`, weight `[out, in]`, bias `[out]` → `[…, out]`. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const y = linearOp([reshape(x, [-1, x.shape[frontAxis('map', -1, x.shape)]!]), weight, bias], {})[0]!
  return reshape(y, [...x.shape.slice(0, -1), weight.shape[0]!])
}
