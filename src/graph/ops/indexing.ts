// Operators that select rows by index: gather and scatterAdd are each other's gradient.

import { frontAxis, product, ShapeError, show } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { reshape } from './movement.ts'
import { concat } from './slicing.ts'

const gatherOp = defineOp<Record<string, never>>({
  name: 'gather',
  infer([table, ids]) {
    if (!ids!.dtype.startsWith('int'))
      throw new ShapeError(`Cannot gather by ${ids!.dtype}: ids must be int32 or int64`)
    frontAxis('gather from', 0, table!.shape)
    return { shape: [...ids!.shape, ...table!.shape.slice(1)], dtype: table!.dtype }
  },
  grad: ({ dy, inputs: [table, ids] }) => [scatterAdd(table!, ids!, dy), undefined],
  lower: ({ inputs: [table, ids] }, emit, outputs) =>
    void emit.node('Gather', [emit.name(table!), emit.name(ids!)], { attrs: { axis: 0 }, outputs }),
})

/** The rows of `table` `[V, …]` at the indices `ids` (int32 or int64, any shape) → `[...ids.shape, …]`. */
export const gather = (table: Tensor, ids: Tensor): Tensor => gatherOp([table, ids], {})[0]!

const scatterAddOp = defineOp<Record<string, never>>({
  name: 'scatterAdd',
  infer([like, ids, rows]) {
    if (ids!.shape.length !== 1 || rows!.shape[0] !== ids!.shape[0])
      throw new ShapeError(`Cannot add rows ${show(rows!.shape)} at ${show(ids!.shape)}: expected one index per row`)
    return { shape: like!.shape, dtype: rows!.dtype }
  },
  grad: ({ dy, inputs: [, ids] }) => [undefined, undefined, gather(dy, ids!)],
  lower({ inputs: [like, ids, rows] }, emit, outputs) {
    const [zero] = emit.node('Expand', [emit.constant([0], rows!.dtype, []), emit.shape(like!.shape)])
    // Not ScatterND: ONNX Runtime adds rows of one id in parallel without a lock, and loses some
    // (https://github.com/microsoft/onnxruntime/issues/18048).
    const axes = rows!.shape.slice(1).map((_, i) => i + 1)
    const column = axes.length === 0 ? emit.name(ids!) : emit.node('Unsqueeze', [emit.name(ids!), emit.ints(axes)])[0]!
    const [everywhere] = emit.node('Expand', [column, emit.shape(rows!.shape)])
    const attrs = { axis: 0, reduction: 'add' }
    emit.node('ScatterElements', [zero!, everywhere!, emit.name(rows!)], { attrs, outputs })
  },
  // one scatter for a table that is looked up in several places (words, concepts)
  sum(addends): Tensor {
    const [like] = addends[0]!.node.inputs
    const ids = concat(
      addends.map((y) => y.node.inputs[1]!),
      0,
    )
    return scatterAdd(
      like!,
      ids,
      concat(
        addends.map((y) => y.node.inputs[2]!),
        0,
      ),
    )
  },
})

/**
 * Zeros in the shape of `like` `[V, …]`, with `rows` `[...ids.shape, …]` added at the indices `ids`; equal indices add
 * up.
 */
export function scatterAdd(like: Tensor, ids: Tensor, rows: Tensor): Tensor {
  const flat = reshape(ids, [product(ids.shape)])
  return scatterAddOp([like, flat, reshape(rows, [product(ids.shape), ...like.shape.slice(1)])], {})[0]!
}

const topKOp = defineOp<{ k: number }>({
  name: 'topK',
  infer([x], { k }) {
    const last = x!.shape[frontAxis('take the best of', -1, x!.shape)]
    if (typeof last === 'number' && k > last)
      throw new ShapeError(`Cannot take the best ${k} of ${show(x!.shape)}: the last axis has ${last}`)
    const shape = x!.shape.with(-1, k)
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int64' },
    ]
  },
  lower: ({ inputs: [x], attrs: { k } }, emit, outputs) =>
    void emit.node('TopK', [emit.name(x!), emit.ints([k])], { outputs }),
})

/** The k largest values along the last axis in descending order, and their int64 indices; both `[…, k]`. */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const [values, indices] = topKOp([x], { k })
  return { values: values!, indices: indices! }
}
