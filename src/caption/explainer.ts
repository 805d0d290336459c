import { floatData, type Runtime, type Session } from '../engine/session.ts'
import { type HostValue, ints } from '../formats/host-value.ts'
import { input } from '../graph/index.ts'
import { cast, div, sum } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { LstmCaptioner } from '../models/lstm/captioner.ts'
import { unroll } from '../models/lstm/unroll.ts'
import { toOnnx } from '../onnx/export.ts'
import { START } from '../text/vocabulary.ts'

/** What the model looked at while it said a caption. Rows are regions (with MIA the SGIR's), or concepts for ConceptAttention without MIA. */
export interface Explanation {
  /** for each word how it attends to the rows, each adding up to 1; undefined for the models that condition */
  readonly words: readonly Float32Array[] | undefined
  /** for each region how it attends to the concepts, mean over the heads, `[N * N]`: before MIA and after; undefined without MIA and for its control, which aligns nothing */
  readonly alignment: { readonly before: Float32Array; readonly after: Float32Array } | undefined
}

/** Says why a caption: runs it through the model again, word by word as it was said, and keeps the attention. */
export class Explainer {
  readonly #model: LstmCaptioner
  /** none for a model that neither attends nor aligns: there is nothing to tell */
  readonly #session: Session | undefined
  readonly #steps: number

  private constructor(model: LstmCaptioner, session: Session | undefined, steps: number) {
    this.#model = model
    this.#session = session
    this.#steps = steps
  }

  /** `maxLength` is the longest caption that will be explained, in words. */
  static async load(
    runtime: Runtime,
    model: LstmCaptioner,
    weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>,
    maxLength: number,
  ): Promise<Explainer> {
    const told = outputs(model, maxLength)
    const nothing = Object.keys(told).length === 0
    return new Explainer(model, nothing ? undefined : await runtime.load(toOnnx(told, weights)), maxLength)
  }

  /** Explains a caption of each image: `features` float16 `[B, R, F]`, `concepts` ids `[B, K]`, captions as word ids without `<start>` and `<end>`. */
  async explain(
    features: Uint16Array,
    concepts: Int32Array,
    captions: readonly (readonly number[])[],
  ): Promise<Explanation[]> {
    const session = this.#session
    if (!session) return captions.map(() => ({ words: undefined, alignment: undefined }))
    const { regions, featureSize } = this.#model.config
    const images = captions.length
    const words = new Int32Array(this.#steps * images)
    for (const [i, caption] of captions.entries())
      for (const [t, word] of [START, ...caption].slice(0, this.#steps).entries()) words[t * images + i] = word
    const feeds: Record<string, HostValue> = {
      features: { dtype: 'float16', shape: [images, regions, featureSize], data: features },
      concepts: ints(concepts, [images, concepts.length / images]),
      words: ints(words, [this.#steps, images]),
    }
    const results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])))
    const rowsOf = (name: string): ((image: number) => Float32Array) | undefined => {
      const value = results[name]
      if (!value) return undefined
      const data = floatData(value)
      const each = data.length / images
      return (image) => data.slice(image * each, (image + 1) * each)
    }
    const [attention, before, after] = ['attention', 'before', 'after'].map(rowsOf)
    return captions.map((caption, image) => ({
      words: attention && splitRows(attention(image), this.#steps).slice(0, caption.length),
      alignment: before && after && { before: before(image), after: after(image) },
    }))
  }

  release(): void {
    this.#session?.release()
  }
}

function splitRows(data: Float32Array, rows: number): Float32Array[] {
  const size = data.length / rows
  return Array.from({ length: rows }, (_, row) => data.subarray(row * size, (row + 1) * size))
}

function outputs(model: LstmCaptioner, steps: number): Record<string, Tensor> {
  const { regions, concepts, featureSize, numHeads, miaAttention } = model.config
  const features = cast(input('features', ['B', regions, featureSize], 'float16'), 'float32')
  const prepared = model.prepare(features, input('concepts', ['B', concepts], 'int32'))
  const hidden = unroll(model, input('words', [steps, 'B'], 'int32'), prepared, 1)
  const { attention } = model.attend(hidden, prepared)
  const { refined } = prepared.encoded
  const meanOfHeads = (weights: Tensor): Tensor => div(sum(weights, [1]), numHeads)
  return {
    ...(attention && { attention }),
    ...(refined &&
      miaAttention === 'mutual' && {
        before: meanOfHeads(refined.alignmentBefore),
        after: meanOfHeads(refined.attention.at(-1)!.textual),
      }),
  }
}
