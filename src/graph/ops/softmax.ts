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

/** exp(x) over its sum along the last axis. */
export const softmax = (x: Tensor): Tensor => softmaxOp([x], {})[0]!

const logSoftmaxOp = defineOp<Record<string, never>>({
  name: 'logSoftmax',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  // dx = dy - softmax(x) Σ dy
  grad: ({ dy, y }) => [sub(dy, mul(exp(y), sum(dy, [-1], { keep: true })))],
  lower: ({ inputs: [x] }, emit, outputs) =>
    void emit.node('LogSoftmax', [emit.name(x!)], { attrs: { axis: -1 }, outputs }),
})

/** The logarithm of softmax along the last axis, without its overflow. */
export const logSoftmax = (x: Tensor): Tensor => logSoftmaxOp([x], {})[0]!
