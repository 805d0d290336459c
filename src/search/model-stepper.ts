import { floatData, type Runtime, type Session, type Values } from '../engine/session.ts'
import { floats, type HostValue, ints } from '../formats/host-value.ts'
import { constant, input } from '../graph/index.ts'
import { add, cast, concat, expand, gather, logSoftmax, reshape, topK } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { isPadded, streamRows } from '../models/config.ts'
import { type BasicModel, basicModels } from '../models/lstm/basic-models.ts'
import type { LstmCaptioner, Prepared } from '../models/lstm/captioner.ts'
import { toOnnx } from '../onnx/export.ts'
import { UNKNOWN } from '../text/vocabulary.ts'
import type { StepInput, StepOutput, Stepper } from './stepper.ts'

/** The state of the recurrence of all rows of a step. */
interface RowState {
  readonly hidden: HostValue
  readonly cell: HostValue
}

type FeatureType = 'float16' | 'float32'
type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayBufferView }>

/**
 * A trained captioner for search. Two models: one looks at images, once; the other does a step for as many rows as there are, each row with its
 * parent's state and its image's regions looked up inside, so that only words go in and the best next words come out.
 */
export class CaptionerDecoder {
  readonly #model: LstmCaptioner
  readonly #encoder: Session
  readonly #runtime: Runtime
  readonly #weights: Weights
  readonly #steps = new Map<number, Promise<Session>>()

  private constructor(runtime: Runtime, model: LstmCaptioner, weights: Weights, encoder: Session) {
    this.#runtime = runtime
    this.#model = model
    this.#weights = weights
    this.#encoder = encoder
  }

  /** `featureType` is how features will be given; by default float16, as they are stored. */
  static async load(
    runtime: Runtime,
    model: LstmCaptioner,
    weights: Weights,
    { featureType = 'float16' }: { readonly featureType?: FeatureType } = {},
  ): Promise<CaptionerDecoder> {
    const encoder = await runtime.load(toOnnx(encoderOutputs(model, featureType), weights))
    return new CaptionerDecoder(runtime, model, weights, encoder)
  }

  /** Looks at images: `features` `[B, R, F]`, float16 as their bits or float32; `concepts` word ids `[B, K]`. */
  async look(features: Uint16Array | Float32Array, concepts: Int32Array): Promise<Stepper<RowState>> {
    const { regions, featureSize, hiddenSize } = this.#model.config
    const images = features.length / (regions * featureSize)
    const dtype: FeatureType = features instanceof Float32Array ? 'float32' : 'float16'
    const feeds: Record<string, HostValue> = {
      features: { dtype, shape: [images, regions, featureSize], data: features },
      concepts: ints(concepts, [images, concepts.length / images]),
    }
    const { hidden, cell, ...prepared } = await this.#encoder.run(pick(feeds, this.#encoder.inputNames))
    const start: RowState = {
      hidden: hidden ?? floats([images, hiddenSize]),
      cell: cell ?? floats([images, hiddenSize]),
    }
    return {
      start: () => start,
      step: (state, rows, width) => this.#step(prepared, state, rows, width),
    }
  }

  async release(): Promise<void> {
    this.#encoder.release()
    for (const session of this.#steps.values()) (await session).release()
  }

  async #step(
    prepared: Values,
    { hidden, cell }: RowState,
    { words, parents, images }: StepInput,
    wanted: number,
  ): Promise<StepOutput<RowState>> {
    const width = Math.min(wanted, this.#model.config.vocabularySize)
    const known = this.#steps.get(width)
    const loading = known ?? this.#runtime.load(toOnnx(stepOutputs(this.#model, width), this.#weights))
    if (!known) this.#steps.set(width, loading)
    const session = await loading
    const rows = { words: ints(words), parents: ints(parents), images: ints(images), hidden, cell }
    const results = await session.run(pick({ ...prepared, ...rows }, session.inputNames))
    return {
      state: { hidden: results['next.hidden']!, cell: results['next.cell']! },
      ids: results.ids!.data as Int32Array,
      logProbs: floatData(results.logProbs),
    }
  }
}

const pick = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.map((name) => [name, values[name]!]))

/** What the decoder needs of images, by the names that the step takes it under. */
function encoderOutputs(model: LstmCaptioner, featureType: FeatureType): Record<string, Tensor> {
  const { basicModel, regions, concepts, featureSize } = model.config
  const features = cast(input('features', ['B', regions, featureSize], featureType), 'float32')
  const { encoded, gates, start, keys } = model.prepare(features, input('concepts', ['B', concepts], 'int32'))
  const { attention }: BasicModel = basicModels[basicModel]
  const mask = attention && encoded.masks[attention]
  return {
    gates,
    ...(attention && { regions: encoded[attention], keys: keys! }),
    ...(mask && { mask }),
    ...(start && { hidden: start.hidden, cell: start.cell }),
  }
}

/** One step of N rows that look at B images and continue M rows. */
function stepOutputs(model: LstmCaptioner, width: number): Record<string, Tensor> {
  const { basicModel, hiddenSize, attentionSize, vocabularySize } = model.config
  const { attention = 'visual' }: BasicModel = basicModels[basicModel]
  const rows = streamRows(model.config)[attention]
  const words = input('words', ['N'], 'int32')
  const parents = input('parents', ['N'], 'int32')
  const images = input('images', ['N'], 'int32')
  const before = { hidden: input('hidden', ['M', hiddenSize]), cell: input('cell', ['M', hiddenSize]) }
  const gates = add(model.wordGates(words), gather(input('gates', ['B', 4 * hiddenSize]), images))
  const state = model.step(gates, { hidden: gather(before.hidden, parents), cell: gather(before.cell, parents) })
  const seen = gather(input('regions', ['B', rows, hiddenSize]), images)
  const mask = isPadded(model.config, attention) ? gather(input('mask', ['B', rows]), images) : undefined
  const prepared: Pick<Prepared, 'encoded' | 'keys'> = {
    encoded: { visual: seen, textual: seen, masks: { visual: mask, textual: mask } },
    keys: gather(input('keys', ['B', rows, attentionSize]), images),
  }
  const { states } = model.attend(reshape(state.hidden, ['N', 1, hiddenSize]), prepared)
  const scores = model.output.forward(reshape(states, ['N', hiddenSize]))
  const logProbs = add(logSoftmax(scores), never(vocabularySize))
  const best = topK(logProbs, width)
  return {
    'next.hidden': state.hidden,
    'next.cell': state.cell,
    ids: cast(best.indices, 'int32'),
    logProbs: best.values,
  }
}

/** Minus infinity for `<pad>`, `<start>` and `<unk>`, which are never said; 0 for `<end>` and every word. */
function never(vocabularySize: number): Tensor {
  const special = constant([-Infinity, -Infinity, 0, -Infinity])
  return concat([special, expand(constant(0), [vocabularySize - (UNKNOWN + 1)])], 0)
}
