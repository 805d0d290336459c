import { product, ShapeError, show } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { reshape } from './movement.ts'
import { concat } from './slicing.ts'

/** Operators that look rows up by number: gather and scatterAdd are each other's gradient. */

const gatherOp = defineOp<Record<string, never>>({
  name: 'gather',
  infer([table, ids]) {
    if (!ids!.dtype.startsWith('int')) throw new ShapeError(`Cannot gather by ${ids!.dtype}: int32 or int64 is wanted`)
    return { shape: [...ids!.shape, ...table!.shape.slice(1)], dtype: table!.dtype }
  },
  grad: ({ dy, inputs: [table, ids] }) => [scatterAdd(table!, ids!, dy), undefined],
  lower: ({ inputs: [table, ids] }, emit, outputs) =>
    void emit.node('Gather', [emit.name(table!), emit.name(ids!)], { attrs: { axis: 0 }, outputs }),
})

/** Rows of `table` `[V, …]` by their numbers `ids` `[…ids]` → `[…ids, …]`. */
export const gather = (table: Tensor, ids: Tensor): Tensor => gatherOp([table, ids], {})[0]!

const scatterAddOp = defineOp<Record<string, never>>({
  name: 'scatterAdd',
  infer([like, ids, rows]) {
    if (ids!.shape.length !== 1 || rows!.shape[0] !== ids!.shape[0])
      throw new ShapeError(`Cannot add rows ${show(rows!.shape)} at ${show(ids!.shape)}: one number a row is wanted`)
    return { shape: like!.shape, dtype: rows!.dtype }
  },
  grad: ({ dy, inputs: [, ids] }) => [undefined, undefined, gather(dy, ids!)],
  lower({ inputs: [like, ids, rows] }, emit, outputs) {
    const [zero] = emit.node('Expand', [emit.constant([0], rows!.dtype, []), emit.shape(like!.shape)])
    const [at] = emit.node('Unsqueeze', [emit.name(ids!), emit.ints([-1])])
    const [at64] = emit.node('Cast', [at!], { attrs: { to: 7 } })
    emit.node('ScatterND', [zero!, at64!, emit.name(rows!)], { attrs: { reduction: 'add' }, outputs })
  },
  // a table that is looked up at several places (words, concepts) is written to once
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

/** Zeros in the shape of the table `like` `[V, …]`, to which the rows `[…ids, …]` are added at `ids`. */
export function scatterAdd(like: Tensor, ids: Tensor, rows: Tensor): Tensor {
  const flat = reshape(ids, [product(ids.shape)])
  return scatterAddOp([like, flat, reshape(rows, [product(ids.shape), ...like.shape.slice(1)])], {})[0]!
}

const topKOp = defineOp<{ k: number }>({
  name: 'topK',
  infer([x], { k }) {
    const last = x!.shape.at(-1)
    if (typeof last === 'number' && k > last)
      throw new ShapeError(`Cannot take the best ${k} of ${show(x!.shape)}: there are ${last}`)
    const shape = x!.shape.with(-1, k)
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int64' },
    ]
  },
  lower: ({ inputs: [x], attrs: { k } }, emit, outputs) =>
    void emit.node('TopK', [emit.name(x!), emit.ints([k])], { outputs }),
})

/** The k largest along the last axis in descending order, and where they stand. */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const [values, indices] = topKOp([x], { k })
  return { values: values!, indices: indices! }
}
