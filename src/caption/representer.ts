import { CompiledGraph } from '../engine/compiled.ts'
import { floatData, type Runtime } from '../engine/session.ts'
import type { Tensor } from '../graph/index.ts'
import type { CaptionModel } from '../models/contract.ts'
import { imageInputs, imageValues } from '../models/inputs.ts'
import type { Initializer } from '../onnx/export.ts'

/** An output of the representer; its first size is the number of images. */
export interface Representation {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/**
 * Computes the semantic-grounded representations of images, by name: `sgir` `[B, N, D]`; `mask` `[B, N]` where some
 * images have fewer rows; and on request `attention.visual.i` `[B, heads, K, R]` and `attention.textual.i` `[B, heads,
 * R, K]` for each iteration i from 1, see Encoder.named(). N is the larger of R and K.
 */
export class Representer {
  readonly #model: CaptionModel
  readonly #graph: CompiledGraph

  private constructor(model: CaptionModel, graph: CompiledGraph) {
    this.#model = model
    this.#graph = graph
  }

  /** Compiles a representer. Throws RangeError for a model without MIA, which has no such representation. */
  static async load(
    runtime: Runtime,
    model: CaptionModel,
    weights: ReadonlyMap<string, Initializer>,
    { attention }: { readonly attention: boolean },
  ): Promise<Representer> {
    return new Representer(model, await CompiledGraph.load(runtime, representationOutputs(model, attention), weights))
  }

  /** Represents images: `features` float16 bits `[B, R, F]`, `concepts` ids `[B, K]`. */
  async represent(features: Uint16Array, concepts: Int32Array): Promise<ReadonlyMap<string, Representation>> {
    const results = await this.#graph.run({ ...imageValues(this.#model.inputs, features, concepts) })
    return new Map(
      Object.entries(results).map(([name, value]) => [name, { shape: value.shape, data: floatData(value) }]),
    )
  }

  /** Frees the compiled graph. */
  release(): void {
    this.#graph.release()
  }
}

function representationOutputs(model: CaptionModel, attention: boolean): Record<string, Tensor> {
  const { sgir, 'sgir.mask': mask, ...rest } = model.encode(imageInputs(model.inputs))
  if (!sgir) throw new RangeError('Cannot represent images with a model without MIA: it has no SGIR')
  const maps = Object.entries(rest).filter(([name]) => name.startsWith('attention.'))
  return { sgir, ...(mask && { mask }), ...(attention && Object.fromEntries(maps)) }
}
