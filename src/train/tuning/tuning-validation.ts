import type { Weights } from '../../caption/weights.ts'
import { CompiledGraph } from '../../engine/compiled.ts'
import { floatData, type Runtime } from '../../engine/session.ts'
import type { Tensor } from '../../graph/index.ts'
import type { Initializer } from '../../onnx/export.ts'
import { averagePrecision } from '../average-precision.ts'
import type { TuningBatches } from './tuning-batches.ts'
import type { TuningModel } from './tuning-model.ts'
import type { TuningPicture } from './views.ts'

/** How well a network does on the validation pictures. */
export interface TuningScores {
  /** the loss that training minimises, without dropout */
  readonly loss: number
  /** the fraction of the variance of the teacher's map that is not explained */
  readonly teacher?: number
  /** mean average precision of the words that occur in the validation captions */
  readonly meanAveragePrecision?: number
}

/** Validation pictures of a batch. */
const AT_ONCE = 32

/** Measures networks on the validation pictures, each shown as a whole. */
export class TuningValidation {
  readonly #runtime: Runtime
  readonly #model: TuningModel
  readonly #batches: TuningBatches
  readonly #pictures: readonly TuningPicture[]
  readonly #signal: AbortSignal | undefined

  constructor(
    runtime: Runtime,
    model: TuningModel,
    batches: TuningBatches,
    pictures: readonly TuningPicture[],
    signal: AbortSignal | undefined,
  ) {
    this.#runtime = runtime
    this.#model = model
    this.#batches = batches
    this.#pictures = pictures
    this.#signal = signal
  }

  /** The scores of weights; `score`, by which epochs are ranked, is the negative loss. */
  async run(weights: Weights): Promise<TuningScores & { readonly score: number }> {
    const { config, constants } = this.#model
    const { type } = this.#batches
    const losses = this.#model.losses(type)
    const outputs: Record<string, Tensor> = { loss: losses.loss }
    if (losses.teacher) outputs.teacherLoss = losses.teacher
    if (config.words > 0) outputs.probabilities = this.#model.probabilities(type)
    const graph = await CompiledGraph.load(
      this.#runtime,
      outputs,
      new Map<string, Initializer>([...constants, ...weights]),
    )
    const probabilities = new Float32Array(this.#pictures.length * config.words)
    const totals = { loss: 0, teacher: 0 }
    try {
      for (let first = 0; first < this.#pictures.length; first += AT_ONCE) {
        this.#signal?.throwIfAborted()
        const pictures = this.#pictures.slice(first, first + AT_ONCE)
        const made = await graph.run(await this.#batches.read(pictures.map((picture) => ({ picture, number: 0 }))))
        totals.loss += floatData(made.loss)[0]! * pictures.length
        if (losses.teacher) totals.teacher += floatData(made.teacherLoss)[0]! * pictures.length
        if (config.words > 0) probabilities.set(floatData(made.probabilities), first * config.words)
      }
    } finally {
      graph.release()
    }
    const loss = totals.loss / this.#pictures.length
    const meanAveragePrecision = config.words > 0 ? this.#meanAveragePrecision(probabilities) : undefined
    return {
      score: -loss,
      loss,
      ...(losses.teacher && { teacher: totals.teacher / this.#pictures.length }),
      ...(meanAveragePrecision !== undefined && { meanAveragePrecision }),
    }
  }

  /** Over the pictures with captions; undefined if their captions have none of the words. */
  #meanAveragePrecision(probabilities: Float32Array): number | undefined {
    const { words } = this.#model.config
    const rows = this.#pictures.flatMap((picture, row) => (picture.words ? [row] : []))
    const labels = this.#batches.labels(this.#pictures)
    const column = (matrix: Float32Array, word: number) => rows.map((row) => matrix[row * words + word]!)
    const precisions = Array.from({ length: words }, (_, word) =>
      averagePrecision(column(probabilities, word), column(labels, word)),
    ).filter((precision) => precision !== undefined)
    return precisions.length === 0 ? undefined : precisions.reduce((a, b) => a + b, 0) / precisions.length
  }
}
