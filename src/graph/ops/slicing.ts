// Operators that cut and join: slice and pad, concat and split are each other's gradient.
import { type Dim, factors, frontAxis, grown, product, quotient, ShapeError, show } from '../shape.ts'
import { constant, defineOp, type Tensor } from '../tensor.ts'
import { expand } from './movement.ts'

const sliceOp = defineOp<{ axis: number; start: number; end: number }>({
  name: 'slice',
  infer([x], { axis, start, end }) {
    const size = x!.shape[axis]!
    if (typeof size === 'string' || !(start >= 0 && start < end && end <= size))
      throw new ShapeError(`Cannot slice ${show(x!.shape)} from ${start} to ${end} along axis ${axis}`)
    return { shape: x!.shape.with(axis, end - start), dtype: x!.dtype }
  },
  grad: ({ dy, inputs: [x], attrs: { axis, start, end } }) => [pad(dy, axis, start, (x!.shape[axis] as number) - end)],
  lower: ({ inputs: [x], attrs: { axis, start, end } }, emit, outputs) =>
    void emit.node('Slice', [emit.name(x!), emit.ints([start]), emit.ints([end]), emit.ints([axis])], { outputs }),
})

/** The elements from `start` (inclusive) to `end` (exclusive) along `axis`. Throws ShapeError if the range is empty. */
export const slice = (x: Tensor, axis: number, start: number, end: number): Tensor => {
  const front = frontAxis('slice', axis, x.shape)
  return start === 0 && end === x.shape[front] ? x : sliceOp([x], { axis: front, start, end })[0]!
}

const padOp = defineOp<{ axis: number; before: number; after: number }>({
  name: 'pad',
  infer([x], { axis, before, after }) {
    const size = x!.shape[axis]!
    if (typeof size === 'string')
      throw new ShapeError(`Cannot pad ${show(x!.shape)} along axis ${axis}: its size must be a number`)
    if (!(before >= 0 && after >= 0))
      throw new ShapeError(
        `Cannot pad ${show(x!.shape)} by ${before} and ${after} along axis ${axis}: both must be >= 0`,
      )
    return { shape: x!.shape.with(axis, before + size + after), dtype: x!.dtype }
  },
  grad: ({ dy, inputs: [x], attrs: { axis, before } }) => [
    slice(dy, axis, before, before + (x!.shape[axis] as number)),
  ],
  lower: ({ inputs: [x], attrs: { axis, before, after } }, emit, outputs) =>
    void emit.node(
      'Pad',
      [emit.name(x!), emit.ints([before, after]), emit.constant([0], x!.dtype, []), emit.ints([axis])],
      { outputs },
    ),
})

/** x with `before` zeros in front of it and `after` zeros behind it along `axis`. */
export const pad = (x: Tensor, axis: number, before: number, after: number): Tensor =>
  before === 0 && after === 0 ? x : padOp([x], { axis: frontAxis('pad', axis, x.shape), before, after })[0]!

const concatOp = defineOp<{ axis: number }>({
  name: 'concat',
  infer(inputs, { axis }) {
    const [first] = inputs
    for (const x of inputs)
      if (
        x.dtype !== first!.dtype ||
        x.shape.length !== first!.shape.length ||
        x.shape.some((dim, i) => i !== axis && dim !== first!.shape[i])
      )
        throw new ShapeError(
          `Cannot concat ${inputs.map((t) => show(t.shape)).join(', ')} along axis ${axis}: types and other sizes must agree`,
        )
    return { shape: first!.shape.with(axis, total(inputs.map((x) => x.shape[axis]!))), dtype: first!.dtype }
  },
  grad({ dy, inputs, attrs: { axis } }) {
    const sizes = inputs.map((x) => x.shape[axis]!)
    if (sizes.every((size) => size === sizes[0])) return split(dy, axis, inputs.length)
    let start = 0
    return sizes.map((size) => {
      if (typeof size === 'string')
        throw new ShapeError(`Cannot differentiate a concat of sizes ${sizes}: unequal sizes must be numbers`)
      start += size
      return slice(dy, axis, start - size, start)
    })
  },
  lower: ({ inputs, attrs: { axis } }, emit, outputs) =>
    void emit.node('Concat', inputs.map(emit.name), { attrs: { axis }, outputs }),
})

function total(sizes: readonly Dim[]): Dim {
  if (sizes.every((size) => typeof size === 'number')) return sizes.reduce((a, b) => a + b, 0)
  const [first, ...others] = sizes
  if (typeof first === 'string' && others.every((size) => typeof size === 'number'))
    return grown(
      first,
      others.reduce((a, b) => a + b, 0),
    )
  const symbols = factors(first!).symbols.join('*')
  if (sizes.some((size) => factors(size).symbols.join('*') !== symbols))
    throw new ShapeError(`Cannot concat sizes ${sizes.join(', ')}: a sum of different symbols cannot be written`)
  return product([sizes.reduce((sum: number, size) => sum + factors(size).factor, 0), ...symbols.split('*')])
}

/**
 * Joins tensors along `axis`, those of size 0 left out; numbers behind a symbolic size W make a size of its own, as
 * "W+1". Throws ShapeError if there are none or the types or other sizes differ.
 */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  const [first] = inputs
  if (!first) throw new ShapeError('Cannot concat no tensors')
  const front = frontAxis('concat', axis, first.shape)
  const filled = inputs.filter((x) => x.shape[front] !== 0)
  return filled.length <= 1 ? (filled[0] ?? first) : concatOp(filled, { axis: front })[0]!
}

const splitOp = defineOp<{ axis: number; parts: number }>({
  name: 'split',
  infer([x], { axis, parts }) {
    const size = quotient(x!.shape[axis]!, parts)
    if (size === undefined)
      throw new ShapeError(`Cannot split ${show(x!.shape)} into ${parts} along axis ${axis}: the size does not divide`)
    return Array.from({ length: parts }, () => ({ shape: x!.shape.with(axis, size), dtype: x!.dtype }))
  },
  grad: ({ dys, outputs, attrs: { axis } }) => [
    concat(
      dys.map((dy, i) => dy ?? expand(constant(0, outputs[i]!.dtype), outputs[i]!.shape)),
      axis,
    ),
  ],
  // ONNX Runtime's WebGPU provider fails on a Split of many outputs: more than MAX_SPLIT_OUTPUTS become one Slice each
  lower({ inputs: [x], attrs: { axis, parts } }, emit, outputs) {
    if (parts <= MAX_SPLIT_OUTPUTS)
      return void emit.node('Split', [emit.name(x!)], { attrs: { axis, num_outputs: parts }, outputs })
    const size = x!.shape[axis]!
    const step = quotient(size, parts)!
    for (const [i, output] of outputs.entries()) {
      const [start, end] =
        typeof step === 'number'
          ? [emit.ints([i * step]), emit.ints([(i + 1) * step])]
          : [emit.shape([product([i, step])]), emit.shape([product([i + 1, step])])]
      emit.node('Slice', [emit.name(x!), start, end, emit.ints([axis])], { outputs: [output] })
    }
  },
})

const MAX_SPLIT_OUTPUTS = 8

/** Splits x into `parts` tensors of equal size along `axis`. Throws ShapeError if the size does not divide. */
export const split = (x: Tensor, axis: number, parts: number): readonly Tensor[] =>
  parts === 1 ? [x] : splitOp([x], { axis: frontAxis('split', axis, x.shape), parts })
