import { add, concat, expand, reshape, split } from '../../graph/ops/index.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { LstmState } from '../../nn/lstm.ts'
import type { LstmCaptioner, Prepared } from './captioner.ts'

/**
 * Teacher forcing: the hidden states of all steps, `[B, steps*captions, D]`, for each image all first words, then all second words. `words` are the
 * ids fed at each step, `[steps, B*captions]`, rows image by image.
 */
export function unroll(
  model: LstmCaptioner,
  words: Tensor,
  { gates: imageGates, start }: Pick<Prepared, 'gates' | 'start'>,
  captions: number,
): Tensor {
  const { hiddenSize } = model.config
  const [steps, rows] = words.shape
  const all = add(model.wordGates(words), perCaption(imageGates, captions))
  let state: LstmState | undefined = start && {
    hidden: perCaption(start.hidden, captions),
    cell: perCaption(start.cell, captions),
  }
  const hidden = split(all, 0, steps as number).map((gate) => {
    state = model.step(reshape(gate, [rows!, 4 * hiddenSize]), state)
    return reshape(state.hidden, ['B', captions, hiddenSize])
  })
  return concat(hidden, 1)
}

/** A value of each image for each of its captions, as rows: `[B, X]` → `[B*captions, X]`. */
const perCaption = (x: Tensor, captions: number): Tensor => {
  const [images, size] = x.shape
  return reshape(expand(reshape(x, [images!, 1, size!]), [images!, captions, size!]), [-1, size!])
}
