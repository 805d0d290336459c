import { concat, constant, expand, product, reshape, split, type Tensor } from '../graph/index.ts'
import type { Noise } from '../nn/noise.ts'
import type { CaptionModel, Forced, Tensors } from './contract.ts'

/**
 * Teacher forcing: the inputs of the output layer at each word of given captions. `words` are the ids fed,
 * int32 `[T, B*C]`, rows image by image; C is `captions`. Uses the model's own force(), or else unrolls its step().
 */
export const force = (model: CaptionModel, words: Tensor, encoded: Tensors, captions: number, noise?: Noise): Forced =>
  model.force ? model.force(words, encoded, captions, noise) : unroll(model, words, encoded, captions, noise)

function unroll(model: CaptionModel, words: Tensor, encoded: Tensors, captions: number, noise?: Noise): Forced {
  const [steps, rows] = words.shape as [number, number | string]
  const images = encodedImages(encoded)
  let state = statePerCaption(model.start(encoded), captions)
  const each = split(words, 0, steps).map((ids) => {
    const step = model.step(reshape(ids, [rows]), encoded, state, noise)
    state = step.state
    return step
  })
  /** `[B*C, X]` of each step, as `[B, T*C, X]` */
  const joined = (columns: readonly Tensor[]): Tensor =>
    concat(
      columns.map((x) => reshape(x, [images, captions, x.shape[1]!])),
      1,
    )
  const attention = each.flatMap((step) => step.attention ?? [])
  return {
    hidden: joined(each.map(({ hidden }) => hidden)),
    ...(attention.length > 0 && { attention: joined(attention) }),
  }
}

/** A state of each image for each of its captions, tensor by tensor: see perCaption(). */
export const statePerCaption = (state: Tensors, captions: number): Tensors =>
  Object.fromEntries(Object.entries(state).map(([name, x]) => [name, perCaption(x, captions)]))

/** A value of each image for each of its captions: `[B, …]` → `[B*C, …]`, rows image by image. */
export function perCaption(x: Tensor, captions: number): Tensor {
  const [images, ...rest] = x.shape
  if (rest.includes(0)) return expand(constant(0, x.dtype), [product([images!, captions]), ...rest])
  return reshape(expand(reshape(x, [images!, 1, ...rest]), [images!, captions, ...rest]), [-1, ...rest])
}

/** The size B of encoded images. */
const encodedImages = (encoded: Tensors): number | string => Object.values(encoded)[0]!.shape[0]!
