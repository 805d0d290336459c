import {
  add,
  bitXor,
  cast,
  concat,
  constant,
  expand,
  input,
  log,
  neg,
  reshape,
  sub,
  type Tensor,
  topK,
} from '../graph/index.ts'
import type { CaptionModel } from '../models/contract.ts'
import { statePerCaption } from '../models/force.ts'
import { imageInputs } from '../models/inputs.ts'
import { Noise } from '../nn/noise.ts'
import { toOnnx } from '../onnx/export.ts'
import { neverSaid } from '../search/never-said.ts'
import { START } from '../text/vocabulary.ts'

/** Which captions a sampler writes. */
export interface SamplerOptions {
  /** captions of each image, S; 1 if `greedy` */
  readonly captions: number
  /** words of each caption, `<end>` included, T */
  readonly steps: number
  /** whether each word is the most probable one, instead of drawn from the model's distribution */
  readonly greedy: boolean
  /** whether the images are a rank's part of a batch, which draws what one process would draw for them */
  readonly shared?: boolean
}

/**
 * A model that captions images with the weights it is fed, as ONNX: it encodes the images once, then draws the words of
 * S captions of each, without dropout. Inputs: those of the images, every weight, and for sampling the int32 scalars
 * `seed` and `step`, of which the samples are a function; of a part of a batch also `imagesBefore` and `imagesTotal`,
 * as gradientStep() has them. Output: `words` int32 `[T, B*S]`, rows image by image; what follows `<end>` is noise.
 *
 * A word is drawn by adding Gumbel noise to the logits and taking the largest, which draws from their softmax without
 * computing it (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030).
 */
export function samplerModel(
  model: CaptionModel,
  { captions, steps, greedy, shared = false }: SamplerOptions,
): Uint8Array {
  const scalar = (name: string): Tensor => input(name, [], 'int32')
  const part = shared ? { before: scalar('imagesBefore'), total: scalar('imagesTotal') } : undefined
  // Another seed than that of the dropout in the step that trains on the samples.
  const seed = bitXor(scalar('seed'), constant(SAMPLES, 'int32'))
  const noise = greedy ? undefined : new Noise(seed, scalar('step'), part)
  const encoded = model.encode(imageInputs(model.inputs))
  const count = captions === 1 ? 'B' : `${captions}*B`
  let state = statePerCaption(model.start(encoded), captions)
  let words: Tensor = expand(constant([START], 'int32'), [count])
  const written: Tensor[] = []
  for (let t = 0; t < steps; t++) {
    const step = model.step(words, encoded, state)
    const logits = add(model.output.logits(step.hidden), neverSaid(model.output.size))
    const scores = noise ? sub(logits, log(neg(log(noise.uniform([count, model.output.size]))))) : logits
    words = reshape(cast(topK(scores, 1).indices, 'int32'), [count])
    written.push(reshape(words, [1, count]))
    state = step.state
  }
  return toOnnx({ words: concat(written, 0) })
}

/** Tells the random numbers of samples from those of dropout. */
const SAMPLES = 0x5a3d91c7
