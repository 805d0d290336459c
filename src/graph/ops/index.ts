export { type ConvOptions, conv, samePadding, type Window } from './conv.ts'
export { linearCrossEntropy } from './crossentropy.ts'
export {
  add,
  bitXor,
  clip,
  div,
  equal,
  exp,
  greater,
  less,
  log,
  mul,
  neg,
  relu,
  shiftRight,
  sigmoid,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from './elementwise.ts'
export { gather, scatterAdd, topK } from './indexing.ts'
export { iota } from './iota.ts'
export { linear } from './linear.ts'
export { matmul } from './matmul.ts'
export { mean } from './mean.ts'
export { cast, count, expand, reshape, sum, transpose } from './movement.ts'
export { layerNorm } from './norm.ts'
export { maxPool } from './pool.ts'
export { concat, pad, slice, split } from './slicing.ts'
export { logSoftmax, softmax } from './softmax.ts'
