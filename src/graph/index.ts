export { type DType, dtypeOf, ONNX_TYPE } from './dtype.ts'
export { gradients, vjp } from './gradient.ts'
export { type ConvOptions, conv, samePadding, type Window } from './ops/conv.ts'
export { linearCrossEntropy } from './ops/crossentropy.ts'
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
  sin,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from './ops/elementwise.ts'
export { gather, scatterAdd, topK } from './ops/indexing.ts'
export { iota } from './ops/iota.ts'
export { linear } from './ops/linear.ts'
export { type MatmulOptions, matmul } from './ops/matmul.ts'
export { mean } from './ops/mean.ts'
export { cast, count, expand, reshape, sum, transpose } from './ops/movement.ts'
export { layerNorm } from './ops/norm.ts'
export { maxPool, type PoolOptions } from './ops/pool.ts'
export { concat, pad, slice, split } from './ops/slicing.ts'
export { logSoftmax, softmax } from './ops/softmax.ts'
export { print } from './print.ts'
export { replace } from './replace.ts'
export {
  type Dim,
  factors,
  frontAxis,
  product,
  quotient,
  type Shape,
  ShapeError,
  sameShape,
  show,
} from './shape.ts'
export { simplify } from './simplify.ts'
export {
  constant,
  type EmitOptions,
  type Emitter,
  input,
  inputName,
  type Node,
  registry,
  type Spec,
  type Tensor,
} from './tensor.ts'
export { topological } from './walk.ts'
