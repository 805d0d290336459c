import { product, ShapeError, show } from '../shape.ts'
import { defineOp, type EmitOptions, type Spec, type Tensor } from '../tensor.ts'
import { type Window, windowAttrs, windowCounts } from './conv.ts'
import { scatterAdd } from './indexing.ts'
import { reshape } from './movement.ts'

/** The windows of a pooling operator. */
export interface PoolOptions extends Window {
  /** the height and width of a window */
  readonly kernel: readonly [number, number]
  /** whether to keep a last window that reaches beyond the edge */
  readonly ceil: boolean
}

function pooled(x: Tensor, options: PoolOptions): Spec {
  if (x.shape.length !== 4) throw new ShapeError(`Cannot pool ${show(x.shape)}: expected [N, C, H, W]`)
  const counts = windowCounts(x, options.kernel, options, options.ceil)
  return { shape: [...x.shape.slice(0, 2), ...counts], dtype: x.dtype }
}

const onnxAttrs = (attrs: PoolOptions): NonNullable<EmitOptions['attrs']> => ({
  ...windowAttrs(attrs),
  kernel_shape: attrs.kernel,
  ceil_mode: Number(attrs.ceil),
})

const maxPoolOp = defineOp<PoolOptions>({
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

/**
 * The index in all of x of each window's maximum. Computed again for the gradient, so that inference does not pay for
 * it.
 */
const maxPlacesOp = defineOp<PoolOptions>({
  name: 'max pool places',
  infer: ([x], attrs) => ({ ...pooled(x!, attrs), dtype: 'int64' }),
  lower: ({ inputs: [x], attrs }, emit, [places]) =>
    void emit.node('MaxPool', [emit.name(x!)], { attrs: onnxAttrs(attrs), outputs: [`${places}_maxima`, places!] }),
})

/** The maximum of each window: x `[N, C, H, W]` → `[N, C, oh, ow]`. */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => maxPoolOp([x], options)[0]!
