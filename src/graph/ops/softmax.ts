import { frontAxis } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { exp, mul, sub } from './elementwise.ts'
import { sum } from './movement.ts'

const softmaxOp = defineOp<Record<string, never>>({
  name: 'softmax',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  // dx = y (dy - Σ dy y)
  grad({ dy, y }) {
    const weighted = mul(dy, y)
    return [sub(weighted, mul(y, sum(weighted, [-1], { keep: true })))]
  },
  lower: ({ inputs: [x] }, emit, outputs) =>
    void emit.node('Softmax', [emit.name(x!)], { attrs: { axis: -1 }, outputs }),
})

/** Softmax along the last axis: exp(x) / Σ exp(x). */
export const softmax = (x: Tensor): Tensor => softmaxOp([withLastAxis(x)], {})[0]!

const logSoftmaxOp = defineOp<Record<string, never>>({
  name: 'logSoftmax',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  // dx = dy - softmax(x) Σ dy
  grad: ({ dy, y }) => [sub(dy, mul(exp(y), sum(dy, [-1], { keep: true })))],
  lower: ({ inputs: [x] }, emit, outputs) =>
    void emit.node('LogSoftmax', [emit.name(x!)], { attrs: { axis: -1 }, outputs }),
})

/** The logarithm of softmax along the last axis, x - log Σ exp(x), computed without overflow. */
export const logSoftmax = (x: Tensor): Tensor => logSoftmaxOp([withLastAxis(x)], {})[0]!

/** x, unless it is a scalar: then throws ShapeError. */
function withLastAxis(x: Tensor): Tensor {
  frontAxis('softmax', -1, x.shape)
  return x
}
