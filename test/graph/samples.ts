import {
  add,
  cast,
  clip,
  concat,
  constant,
  conv,
  count,
  div,
  exp,
  expand,
  gather,
  greater,
  layerNorm,
  linear,
  linearCrossEntropy,
  log,
  logSoftmax,
  matmul,
  maxPool,
  mul,
  neg,
  pad,
  relu,
  reshape,
  scatterAdd,
  sigmoid,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
  vjp,
  where,
} from '../../src/graph/index.ts'

/** A case of a differentiable operator: the shapes of its float inputs, which are normal deviates, and the operator. */
export interface Sample {
  readonly op: string
  readonly shapes: readonly (readonly number[])[]
  readonly run: (...inputs: Tensor[]) => Tensor | readonly Tensor[]
  /** the step of the difference, by default 1e-5 */
  readonly step?: number
}

const sample = (op: string, shapes: Sample['shapes'], run: Sample['run']): Sample => ({ op, shapes, run })

/**
 * A case computed in float32, for operators without a float64 kernel in ONNX Runtime. They are linear in each input, so
 * that central differences are exact for every step; a wide one makes rounding errors small.
 */
const inFloat32 = (op: string, shapes: Sample['shapes'], run: (...inputs: Tensor[]) => Tensor): Sample => ({
  op,
  shapes,
  run: (...inputs) => cast(run(...inputs.map((x) => cast(x, 'float32'))), 'float64'),
  step: 0.5,
})
const ids = (values: number[], shape?: number[]) => constant(values, 'int64', shape)
const positive = (x: Tensor) => add(mul(x, x), 0.5)

export const samples: readonly Sample[] = [
  sample('add', [[2, 3], [3]], add),
  sample(
    'subtract',
    [
      [2, 1],
      [2, 3],
    ],
    sub,
  ),
  sample(
    'multiply',
    [
      [2, 3],
      [2, 1],
    ],
    mul,
  ),
  sample(
    'divide',
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => div(a, positive(b)),
  ),
  sample('negate', [[3]], neg),
  sample('exp', [[3]], exp),
  sample('log', [[3]], (x) => log(positive(x))),
  sample('sqrt', [[3]], (x) => sqrt(positive(x))),
  sample('tanh', [[3]], tanh),
  sample('sigmoid', [[3]], sigmoid),
  sample('relu', [[7]], relu),
  sample('softplus', [[3]], softplus),
  sample('where', [[2, 3], [3]], (a, b) => where(greater(a, 0.2), mul(a, a), b)),
  sample('clip', [[9]], (x) => clip(x, -0.5, 0.7)),
  sample('reshape', [[2, 6]], (x) => reshape(mul(x, x), [3, -1])),
  sample('transpose', [[2, 3, 4]], (x) => transpose(mul(x, x), [2, 0, 1])),
  sample('expand', [[2, 1]], (x) => reshape(expand(x, [3, 2, 4]), [6, 4])),
  sample('sum', [[2, 3, 4]], (x) => sum(mul(x, x), [0, -1])),
  sample('cast', [[3]], (x) => cast(cast(x, 'float32'), 'float64')),
  sample('size', [[2, 3]], (x) => div(x, count(x, [1]))),
  sample('slice', [[4, 3]], (x) => slice(x, 0, 1, 3)),
  sample('pad', [[2, 3]], (x) => pad(mul(x, x), 1, 1, 2)),
  sample(
    'concat',
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => concat([a, mul(b, b), a], 0),
  ),
  sample('split', [[2, 6]], (x) => {
    const [a, , c] = split(x, 1, 3)
    return mul(a!, c!)
  }),
  sample('gather', [[5, 3]], (table) => gather(table, ids([4, 0, 4, 1], [2, 2]))),
  sample('scatterAdd', [[4, 3]], (rows) =>
    scatterAdd(expand(constant(0, 'float64'), [5, 3]), ids([4, 0, 4, 1]), mul(rows, rows)),
  ),
  sample(
    'matmul',
    [
      [2, 3, 4],
      [2, 5, 4],
    ],
    (a, b) => matmul(a, b, { transB: true, scale: 0.3 }),
  ),
  sample(
    'matmul',
    [
      [4, 3],
      [4, 5],
    ],
    (a, b) => matmul(a, b, { transA: true }),
  ),
  sample(
    'matmul',
    [
      [4, 3],
      [5, 4],
    ],
    (a, b) => matmul(a, b, { transA: true, transB: true }),
  ),
  sample(
    'matmul',
    [
      [2, 3, 4],
      [4, 2],
      [3, 4],
    ],
    (a, w, b) => concat([reshape(matmul(a, w), [6, 2]), matmul(b, w)], 0),
  ),
  sample('softmax', [[2, 5]], softmax),
  sample('logSoftmax', [[2, 5]], logSoftmax),
  sample('layerNorm', [[3, 5], [5], [5]], (x, scale, bias) => layerNorm(x, scale, bias)),
  sample('linear', [[2, 3, 4], [5, 4], [5]], (x, w, b) => linear(x, w, b)),
  sample('linearCrossEntropy', [[3, 4], [6, 4], [6]], (h, w, b) => linearCrossEntropy(h, w, b, ids([5, 0, 5]), 0.1)),
  inFloat32('conv', [[2, 3, 5, 6], [4, 3, 3, 2], [4]], (x, w, b) => conv(x, w, b)),
  inFloat32(
    'conv',
    [
      [2, 4, 6, 7],
      [6, 2, 3, 3],
    ],
    (x, w) => conv(x, w, undefined, { groups: 2, strides: [2, 3], before: [1, 0], after: [2, 1] }),
  ),
  inFloat32('conv', [[2, 3, 8, 9], [3, 1, 3, 2], [3]], (x, w, b) =>
    conv(x, w, b, { groups: 3, strides: [2, 1], dilations: [2, 3], before: [1, 1], after: [1, 1] }),
  ),
  inFloat32(
    'transposed conv',
    [
      [2, 4, 2, 3],
      [4, 1, 3, 2],
    ],
    (dy, w) => {
      const x = constant(0, 'float32')
      const y = conv(expand(x, [2, 2, 6, 6]), w, undefined, { strides: [2, 2], groups: 2 })
      return vjp([y], [dy], y.node.inputs)[0]!
    },
  ),
  sample('max pool', [[2, 2, 5, 6]], (x) => maxPool(mul(x, 3), { ...overlapping, ceil: true })),
  sample('sin', [[3]], sin),
  inFloat32(
    'conv',
    [
      [2, 2, 2, 3],
      [2, 2, 1, 1],
    ],
    (x, w) => conv(x, w),
  ),
]

const overlapping = { kernel: [3, 2], strides: [2, 1], dilations: [1, 1], before: [1, 0], after: [0, 1] } as const
