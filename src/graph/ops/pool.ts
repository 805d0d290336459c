import { product } from '../shape.ts'
import { defineOp, type EmitOptions, type Spec, type Tensor } from '../tensor.ts'
import { type Window, windowAttrs, windowCounts } from './conv.ts'
import { scatterAdd } from './indexing.ts'
import { reshape } from './movement.ts'

interface PoolAttrs extends Window {
  readonly kernel: readonly [number, number]
  /** keep a last window that reaches beyond the edge */
  readonly ceil: boolean
}

const pooled = (x: Tensor, attrs: PoolAttrs): Spec => ({
  shape: [...x.shape.slice(0, 2), ...windowCounts(x, attrs.kernel, attrs, attrs.ceil)],
  dtype: x.dtype,
})

const onnxAttrs = (attrs: PoolAttrs): NonNullable<EmitOptions['attrs']> => ({
  ...windowAttrs(attrs),
  kernel_shape: attrs.kernel,
  ceil_mode: Number(attrs.ceil),
})

const maxPoolOp = defineOp<PoolAttrs>({
  name: 'max pool',
  infer: ([x], attrs) => pooled(x!, attrs),
  grad({ dy, inputs: [x], attrs }) {
    const elements = [product(x!.shape), 1]
    const [places] = maxPlacesOp([x!], attrs)
    return [reshape(scatterAdd(reshape(x!, elements), reshape(places!, [-1]), reshape(dy, [-1, 1])), x!.shape)]
  },
  lower: ({ inputs: [x], attrs }, emit, outputs) =>
    void emit.node('MaxPool', [emit.name(x!)], { attrs: onnxAttrs(attrs), outputs }),
})

/** Where in all of x the maximum of each window stands. Found again for the gradient, so that nobody else pays for it. */
const maxPlacesOp = defineOp<PoolAttrs>({
  name: 'max pool places',
  infer: ([x], attrs) => ({ ...pooled(x!, attrs), dtype: 'int64' }),
  lower: ({ inputs: [x], attrs }, emit, [places]) =>
    void emit.node('MaxPool', [emit.name(x!)], { attrs: onnxAttrs(attrs), outputs: [`${places}_maxima`, places!] }),
})

/** The largest number of each window of x `[N, C, H, W]` → `[N, C, oh, ow]`. */
export const maxPool = (x: Tensor, attrs: PoolAttrs): Tensor => maxPoolOp([x], attrs)[0]!
