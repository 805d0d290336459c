import { CompiledGraph } from '../engine/compiled.ts'
import { CompiledCache } from '../engine/compiled-cache.ts'
import {
  type DeviceValue,
  type DeviceValues,
  floatData,
  type HostValues,
  intData,
  type Runtime,
} from '../engine/session.ts'
import { floats, ints } from '../formats/host-value.ts'
import {
  add,
  cast,
  constant,
  type Dim,
  expand,
  gather,
  input,
  inputName,
  logSoftmax,
  mul,
  reshape,
  scatterAdd,
  type Tensor,
  topK,
  topological,
} from '../graph/index.ts'
import type { CaptionModel, Tensors } from '../models/contract.ts'
import { type FeatureType, type ImageTensors, imageInputs, imageValues } from '../models/inputs.ts'
import type { Initializer } from '../onnx/export.ts'
import { neverSaid } from './never-said.ts'
import type { StepInput, StepOutput, Stepper } from './stepper.ts'

/** The state of all rows of a step, on the device. */
export type ModelState = DeviceValues

/** The encoded images of a search, on the device, and the stepper over them. */
export interface EncodedStepper extends Stepper<ModelState> {
  /** Frees the encoded images and the last state, after the search. */
  release(): void
}

/**
 * A trained model for search. Two graphs: one encodes images, once; the other does a step for as many rows as there
 * are. Each row looks up its parent's state and its image's tensors inside the graph, so that only words go in and the
 * best next words come out.
 */
export class ModelDecoder {
  readonly #model: CaptionModel
  readonly #runtime: Runtime
  readonly #weights: ReadonlyMap<string, Initializer>
  readonly #encoder: CompiledGraph
  /** steps by the number of best words, with penalties or without */
  readonly #steps = new CompiledCache<CompiledGraph>(STEPS_KEPT)

  private constructor(
    runtime: Runtime,
    model: CaptionModel,
    weights: ReadonlyMap<string, Initializer>,
    encoder: CompiledGraph,
  ) {
    this.#runtime = runtime
    this.#model = model
    this.#weights = weights
    this.#encoder = encoder
  }

  /** Compiles the encoder. `featureType` is how features will be given: float16, as they are stored, by default. */
  static async load(
    runtime: Runtime,
    model: CaptionModel,
    weights: ReadonlyMap<string, Initializer>,
    { featureType = 'float16' }: { readonly featureType?: FeatureType } = {},
  ): Promise<ModelDecoder> {
    const encoder = await CompiledGraph.load(
      runtime,
      encoderOutputs(model, imageInputs(model.inputs, featureType)),
      weights,
    )
    return new ModelDecoder(runtime, model, weights, encoder)
  }

  /** Encodes images: `features` `[B, R, F]`, float16 as their bits or float32; `concepts` word ids `[B, K]`. */
  async encode(features: Uint16Array | Float32Array, concepts: Int32Array): Promise<EncodedStepper> {
    const outputs = await this.#encoder.runOnDevice({ ...imageValues(this.#model.inputs, features, concepts) })
    const start = named(outputs, STATE)
    let last = start
    return {
      start: () => start,
      step: async (state, rows, width) => {
        const output = await this.#step(outputs, state, rows, width)
        for (const value of Object.values(state)) if (!isIn(value, start)) value.release()
        last = output.state
        return output
      },
      release: () => {
        for (const value of [...Object.values(outputs), ...Object.values(last)]) value.release()
      },
    }
  }

  /** Frees the compiled graphs. */
  async release(): Promise<void> {
    this.#encoder.release()
    await this.#steps.release()
  }

  async #step(
    encoded: DeviceValues,
    state: ModelState,
    { words, parents, images, penalties }: StepInput,
    wanted: number,
  ): Promise<StepOutput<ModelState>> {
    const width = Math.min(wanted, this.#model.output.size)
    const penalised = penalties !== undefined
    const feeds: HostValues = {
      words: ints(words),
      parents: ints(parents),
      images: ints(images),
      ...(penalties && {
        penaltyRows: ints(penalties.rows),
        penaltyWords: ints(penalties.words),
        penaltyValues: floats([penalties.values.length, 1], penalties.values),
      }),
    }
    const load = (): Promise<CompiledGraph> =>
      CompiledGraph.load(this.#runtime, stepOutputs(this.#model, width, penalised), this.#weights)
    const { ids, logProbs, ...next } = await this.#steps.use(`${width} ${penalised}`, load, (graph) =>
      graph.runOnDevice({ ...encoded, ...prefixed(STATE, state), ...feeds }),
    )
    try {
      return { state: named(next, NEXT), ids: intData(await ids!.read()), logProbs: floatData(await logProbs!.read()) }
    } finally {
      ids!.release()
      logProbs!.release()
    }
  }
}

/** Steps kept compiled: each holds the weights of the decoder, and a search with another beam needs another. */
const STEPS_KEPT = 4

/** Prefixes of names in the graphs: an image's tensors, a row's state before a step, and after it. */
const IMAGE = 'image.'
const STATE = 'state.'
const NEXT = 'next.'
/** The symbol of the words so far, the size of what grows with each. */
const GROWING = 'W'

const prefixed = <T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))

/** The values whose names have the prefix, without it. */
const named = <T>(values: Readonly<Record<string, T>>, prefix: string): Record<string, T> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  )

const isIn = (value: DeviceValue, values: DeviceValues): boolean => Object.values(values).includes(value)

/**
 * The outputs of the encoder, with B images as the first size: the inputs that a step takes from the images, named
 * `image.…`, and the state before the first word, named `state.…`.
 */
export function encoderOutputs(model: CaptionModel, images: ImageTensors): Record<string, Tensor> {
  const encoded = model.encode(images)
  const used = new Set(
    topological(Object.values(step(model, encoded).outputs)).flatMap(({ outputs }) => outputs.map(inputName)),
  )
  const needed = Object.entries(encoded).filter(([name]) => used.has(IMAGE + name))
  return { ...prefixed(IMAGE, Object.fromEntries(needed)), ...prefixed(STATE, model.start(encoded)) }
}

/**
 * One step of N rows that look at B images and continue M rows; the names of the state after it have the prefix NEXT.
 */
function step(model: CaptionModel, encoded: Tensors): { hidden: Tensor; outputs: Record<string, Tensor> } {
  const words = input('words', ['N'], 'int32')
  const parents = input('parents', ['N'], 'int32')
  const images = input('images', ['N'], 'int32')
  /** inputs like `tensors` but for their number of rows, looked up by `rows` */
  const lookedUp = (prefix: string, tensors: Tensors, count: string, rows: Tensor): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, dtype }]) => [
        name,
        gather(input(prefix + name, shape.with(0, count).map(open), dtype), rows),
      ]),
    )
  /** an axis that grows, see CaptionModel.start(), has any size */
  const open = (size: Dim): Dim => (size === 0 ? GROWING : size)
  const { hidden, state } = model.step(
    words,
    lookedUp(IMAGE, encoded, 'B', images),
    lookedUp(STATE, model.start(encoded), 'M', parents),
  )
  return { hidden, outputs: { hidden, ...prefixed(NEXT, state) } }
}

/** A step, and the `width` best next words of each row with their log-probabilities. */
function stepOutputs(model: CaptionModel, width: number, penalised: boolean): Record<string, Tensor> {
  const encoded = model.encode(imageInputs(model.inputs))
  const { hidden, outputs } = step(model, encoded)
  const allowed = wordLogProbs(model, hidden)
  const best = topK(penalised ? add(allowed, penaltyMatrix(model.output.size)) : allowed, width)
  const { hidden: _, ...state } = outputs
  return { ...state, ids: cast(best.indices, 'int32'), logProbs: best.values }
}

/**
 * The outputs of a step that leaves the choice of words to its caller: `logProbs` `[N, W]` of all W words, -Infinity
 * for `<pad>`, `<start>` and `<unk>`; and the state of the N rows after the word, named `next.…`. Its inputs are
 * `words`, `parents` and `images`, int32 `[N]`: each row's word, its row in the state before, and its image; the
 * encoder's outputs `image.…`; and the state of M rows before the word, named `state.…`.
 */
export function allWordsStepOutputs(model: CaptionModel): Record<string, Tensor> {
  const { hidden, outputs } = step(model, model.encode(imageInputs(model.inputs)))
  const { hidden: _, ...state } = outputs
  return { logProbs: wordLogProbs(model, hidden), ...state }
}

/** The log-probability of each word `[N, W]` in nats, -Infinity for those that are never said; `hidden` is `[N, D]`. */
const wordLogProbs = ({ output }: CaptionModel, hidden: Tensor): Tensor =>
  add(logSoftmax(output.logits(hidden)), neverSaid(output.size))

/** The penalties of a step as a dense array `[N, W]`. */
function penaltyMatrix(size: number): Tensor {
  const rows = input('penaltyRows', ['P'], 'int32')
  const places = add(mul(rows, constant(size, 'int32')), input('penaltyWords', ['P'], 'int32'))
  const words = input('words', ['N'], 'int32')
  const zeros = expand(constant(0), [`${size}*N`, 1])
  const filled = scatterAdd(zeros, places, input('penaltyValues', ['P', 1]))
  return reshape(filled, [words.shape[0]!, size])
}
