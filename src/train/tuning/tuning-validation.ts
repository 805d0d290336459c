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
  /** cross-entropy of the validation captions, in nats per word */
  readonly captions?: number
}

/** A validation: the scores, `score`, by which epochs are ranked, and the average precision of each word. */
export interface TuningValidated extends TuningScores {
  /** the negative loss */
  readonly score: number
  /** of the words that occur in the validation captions */
  readonly averagePrecision: Readonly<Record<string, number>>
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

  /** Validates weights. */
  async run(weights: Weights): Promise<TuningValidated> {
    const { config, constants } = this.#model
    const { type, longest: steps } = this.#batches
    const losses = this.#model.losses({ type, steps })
    const outputs: Record<string, Tensor> = { loss: losses.loss }
    if (losses.teacher) outputs.teacherLoss = losses.teacher
    if (losses.captions) outputs.captionLoss = losses.captions
    if (config.words > 0) outputs.probabilities = this.#model.probabilities(type)
    const graph = await CompiledGraph.load(
      this.#runtime,
      outputs,
      new Map<string, Initializer>([...constants, ...weights]),
    )
    const probabilities = new Float32Array(this.#pictures.length * config.words)
    const totals = { loss: 0, teacherLoss: 0, captionLoss: 0 }
    try {
      for (let first = 0; first < this.#pictures.length; first += AT_ONCE) {
        this.#signal?.throwIfAborted()
        const pictures = this.#pictures.slice(first, first + AT_ONCE)
        const views = pictures.map((picture) => ({ picture, number: 0 }))
        const made = await graph.run(await this.#batches.read(views, steps))
        for (const name of Object.keys(totals) as (keyof typeof totals)[])
          if (outputs[name]) totals[name] += floatData(made[name])[0]! * pictures.length
        if (config.words > 0) probabilities.set(floatData(made.probabilities), first * config.words)
      }
    } finally {
      graph.release()
    }
    const mean = (name: keyof typeof totals) => totals[name] / this.#pictures.length
    const averagePrecision = this.#averagePrecision(probabilities)
    const precisions = Object.values(averagePrecision)
    return {
      score: -mean('loss'),
      loss: mean('loss'),
      ...(losses.teacher && { teacher: mean('teacherLoss') }),
      ...(precisions.length > 0 && {
        meanAveragePrecision: precisions.reduce((a, b) => a + b, 0) / precisions.length,
      }),
      ...(losses.captions && { captions: mean('captionLoss') }),
      averagePrecision,
    }
  }

  /** Over the pictures with captions, of the words that are in some of these. */
  #averagePrecision(probabilities: Float32Array): Record<string, number> {
    const { words } = this.#batches
    const rows = this.#pictures.flatMap((picture, row) => (picture.words ? [row] : []))
    const labels = this.#batches.labels(this.#pictures)
    const column = (matrix: Float32Array, word: number) => rows.map((row) => matrix[row * words.length + word]!)
    const each = words.flatMap((word, i) => {
      const precision = averagePrecision(column(probabilities, i), column(labels, i))
      return precision === undefined ? [] : [[word, precision] as const]
    })
    return Object.fromEntries(each)
  }
}
