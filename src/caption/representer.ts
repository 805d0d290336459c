import { floatData, type Runtime, type Session } from '../engine/session.ts'
import { type HostValue, ints } from '../formats/host-value.ts'
import { input } from '../graph/index.ts'
import { cast, slice } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { LstmCaptioner } from '../models/lstm/captioner.ts'
import { toOnnx } from '../onnx/export.ts'

/** An output of the representer: one row for each image. */
export interface Representation {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/**
 * Makes the semantic-grounded image representations of images, by name: `sgir` `[B, N, D]`, `mask` `[B, N]` where some images have fewer rows, and on request for each iteration i from 1
 * `attention.visual.i`, how the K concepts attend to the R regions, `[B, heads, K, R]`, and `attention.textual.i`, how the regions attend to the
 * concepts, `[B, heads, R, K]`. N is the larger of R and K; rows of regions that an image does not have are to be left out, as `mask` says.
 */
export class Representer {
  readonly #model: LstmCaptioner
  readonly #session: Session

  private constructor(model: LstmCaptioner, session: Session) {
    this.#model = model
    this.#session = session
  }

  /** Throws RangeError for a model without MIA: it has no such representation. */
  static async load(
    runtime: Runtime,
    model: LstmCaptioner,
    weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>,
    { attention }: { readonly attention: boolean },
  ): Promise<Representer> {
    return new Representer(model, await runtime.load(toOnnx(outputs(model, attention), weights)))
  }

  /** `features` float16 `[B, R, F]`, `concepts` ids `[B, K]`, of `images` images. */
  async represent(
    features: Uint16Array,
    concepts: Int32Array,
    images: number,
  ): Promise<ReadonlyMap<string, Representation>> {
    const { regions, featureSize } = this.#model.config
    const feeds: Record<string, HostValue> = {
      features: { dtype: 'float16', shape: [images, regions, featureSize], data: features },
      concepts: ints(concepts, [images, concepts.length / images]),
    }
    const results = await this.#session.run(feeds)
    return new Map(
      Object.entries(results).map(([name, value]) => [name, { shape: value.shape, data: floatData(value).slice() }]),
    )
  }

  release(): void {
    this.#session.release()
  }
}

function outputs(model: LstmCaptioner, withAttention: boolean): Record<string, Tensor> {
  const { regions, concepts, featureSize } = model.config
  const features = cast(input('features', ['B', regions, featureSize], 'float16'), 'float32')
  const { refined } = model.prepare(features, input('concepts', ['B', concepts], 'int32')).encoded
  if (!refined) throw new RangeError('Cannot represent images with a model without MIA: it makes no SGIR')
  const { sgir, attention, mask } = refined
  const part = (weights: Tensor, asking: number, answering: number): Tensor =>
    slice(slice(weights, 2, 0, asking), 3, 0, answering)
  const mutual = model.config.miaAttention === 'mutual' // in the control each stream attends to itself
  const each = attention.flatMap(({ visual, textual }, i) => [
    [`attention.visual.${i + 1}`, part(visual, mutual ? concepts : regions, regions)] as const,
    [`attention.textual.${i + 1}`, part(textual, mutual ? regions : concepts, concepts)] as const,
  ])
  return { sgir, ...(mask && { mask }), ...(withAttention && Object.fromEntries(each)) }
}
