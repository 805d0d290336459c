import { CompiledGraph } from '../engine/compiled.ts'
import { floatData, type Runtime } from '../engine/session.ts'
import { ints } from '../formats/host-value.ts'
import { input, type Tensor } from '../graph/index.ts'
import type { CaptionModel } from '../models/contract.ts'
import { force } from '../models/force.ts'
import { imageInputs, imageValues } from '../models/inputs.ts'
import type { Initializer } from '../onnx/export.ts'
import { START } from '../text/vocabulary.ts'

/**
 * What a model attended to for a caption. Rows are regions (with MIA the SGIR's), or concepts for ConceptAttention
 * without MIA.
 */
export interface Explanation {
  /** for each word its attention over the rows, which sums to 1; undefined for models without attention */
  readonly words: readonly Float32Array[] | undefined
  /**
   * each region's attention over the concepts before MIA and after it, mean over the heads, `[N * N]`; undefined
   * without mutual attention
   */
  readonly alignment: { readonly before: Float32Array; readonly after: Float32Array } | undefined
}

/** Explains captions: runs them through the model again by teacher forcing and keeps the attention. */
export class Explainer {
  readonly #model: CaptionModel
  /** none for a model that neither attends nor aligns */
  readonly #graph: CompiledGraph | undefined
  readonly #steps: number

  private constructor(model: CaptionModel, graph: CompiledGraph | undefined, steps: number) {
    this.#model = model
    this.#graph = graph
    this.#steps = steps
  }

  /** Compiles an explainer for captions of at most `maxLength` words. */
  static async load(
    runtime: Runtime,
    model: CaptionModel,
    weights: ReadonlyMap<string, Initializer>,
    maxLength: number,
  ): Promise<Explainer> {
    const outputs = explanationOutputs(model, maxLength)
    const none = Object.keys(outputs).length === 0
    const graph = none ? undefined : await CompiledGraph.load(runtime, outputs, weights)
    return new Explainer(model, graph, maxLength)
  }

  /**
   * Explains a caption of each image: `features` float16 bits `[B, R, F]`, `concepts` ids `[B, K]`, captions as word
   * ids without `<start>` and `<end>`.
   */
  async explain(
    features: Uint16Array,
    concepts: Int32Array,
    captions: readonly (readonly number[])[],
  ): Promise<Explanation[]> {
    if (!this.#graph) return captions.map(() => ({ words: undefined, alignment: undefined }))
    const images = captions.length
    const words = new Int32Array(this.#steps * images)
    for (const [i, caption] of captions.entries())
      for (const [t, word] of [START, ...caption].slice(0, this.#steps).entries()) words[t * images + i] = word
    const results = await this.#graph.run({
      ...imageValues(this.#model.inputs, features, concepts),
      words: ints(words, [this.#steps, images]),
    })
    const rowsOf = (name: string): ((image: number) => Float32Array) | undefined => {
      if (!results[name]) return undefined
      const data = floatData(results[name])
      const each = data.length / images
      return (image) => data.slice(image * each, (image + 1) * each)
    }
    const [attention, before, after] = ['attention', BEFORE, AFTER].map(rowsOf)
    return captions.map((caption, image) => ({
      words: attention && splitRows(attention(image), this.#steps).slice(0, caption.length),
      alignment: before && after && { before: before(image), after: after(image) },
    }))
  }

  /** Frees the compiled graph. */
  release(): void {
    this.#graph?.release()
  }
}

/** The names of alignments in an encoding, see Encoder.named(). */
const BEFORE = 'alignment.before'
const AFTER = 'alignment.after'

function splitRows(data: Float32Array, rows: number): Float32Array[] {
  const size = data.length / rows
  return Array.from({ length: rows }, (_, row) => data.subarray(row * size, (row + 1) * size))
}

function explanationOutputs(model: CaptionModel, steps: number): Record<string, Tensor> {
  const encoded = model.encode(imageInputs(model.inputs))
  const { attention } = force(model, input('words', [steps, 'B'], 'int32'), encoded, 1)
  const { [BEFORE]: before, [AFTER]: after } = encoded
  return { ...(attention && { attention }), ...(before && after && { [BEFORE]: before, [AFTER]: after }) }
}
