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
import { floats, type HostValue, ints } from '../formats/host-value.ts'
import type { SearchModel } from '../models/contract.ts'
import { type FeatureType, imageInputs, imageValues } from '../models/inputs.ts'
import { isOutput, isQuantized, type Precision } from '../models/precision.ts'
import type { ExportOptions, Initializer } from '../onnx/export.ts'
import { isRescored } from './best-words.ts'
import { groupRows, imagesWithRows } from './row-groups.ts'
import {
  encoderOutputs,
  IMAGE,
  NEXT,
  named,
  prefixed,
  SELECTED,
  STATE,
  selectorOutputs,
  stepOutputs,
  withPrefix,
} from './step-graphs.ts'
import type { StepInput, StepOutput, Stepper } from './stepper.ts'

/** The state of all rows of a step. */
export interface ModelState {
  /** its tensors by name, on the device */
  readonly values: DeviceValues
  /** where each row is in them */
  readonly places: Int32Array
}

/** Encoded images on the device, by their numbers in the batch, ascending. */
interface EncodedImages {
  readonly values: DeviceValues
  readonly images: Int32Array
}

/** The encoded images of a search, on the device, and the stepper over them. */
export interface EncodedStepper extends Stepper<ModelState> {
  /** Frees the encoded images and the last state, after the search. */
  release(): void
}

/** How a ModelDecoder takes features and computes. */
export interface DecoderOptions {
  readonly featureType?: FeatureType
  readonly precision?: Precision
}

/**
 * A trained model for search. Two graphs: one encodes images, once; the other does a step for as many rows as there
 * are. Each row looks up its parent's state inside the graph, so that only words go in and the best next words come
 * out. All rows of an image are computed together with its tensors (RowGroups), which are not copied. When images have
 * left the batch, a third graph copies the tensors of the others.
 */
export class ModelDecoder {
  readonly #model: SearchModel
  readonly #runtime: Runtime
  readonly #weights: ReadonlyMap<string, Initializer>
  readonly #encoder: CompiledGraph
  readonly #precision: Precision
  /** steps by the number of best words, with penalties or without */
  readonly #steps = new CompiledCache<CompiledGraph>(STEPS_KEPT)
  /** selects encoded images; compiled when it is first needed */
  readonly #selectors = new CompiledCache<CompiledGraph>(1)

  private constructor(
    runtime: Runtime,
    model: SearchModel,
    weights: ReadonlyMap<string, Initializer>,
    encoder: CompiledGraph,
    precision: Precision,
  ) {
    this.#runtime = runtime
    this.#model = model
    this.#weights = weights
    this.#encoder = encoder
    this.#precision = precision
  }

  /**
   * Compiles the encoder. `featureType` is how features will be given: float16, as they are stored, by default.
   * `precision` int8 quantises the largest layers, see isQuantized(), and takes less time.
   */
  static async load(
    runtime: Runtime,
    model: SearchModel,
    weights: ReadonlyMap<string, Initializer>,
    { featureType = 'float16', precision = 'float32' }: DecoderOptions = {},
  ): Promise<ModelDecoder> {
    const encoder = await CompiledGraph.load(
      runtime,
      encoderOutputs(model, imageInputs(model.inputs, featureType)),
      weights,
      exportOptions(model, precision),
    )
    return new ModelDecoder(runtime, model, weights, encoder, precision)
  }

  /** Encodes images: `features` `[B, R, F]`, float16 as their bits or float32; `concepts` word ids `[B, K]`. */
  async encode(features: Uint16Array | Float32Array, concepts: Int32Array): Promise<EncodedStepper> {
    const given = imageValues(this.#model.inputs, features, concepts)
    const outputs = await this.#encoder.runOnDevice({ ...given })
    const [images] = given.features.shape
    const start = named(outputs, STATE)
    const all: EncodedImages = {
      values: withPrefix(outputs, IMAGE),
      images: Int32Array.from({ length: images! }, (_, image) => image),
    }
    let current = all
    let last: ModelState = { values: start, places: all.images }
    const free = ({ values }: { readonly values: DeviceValues }): void => {
      for (const value of Object.values(values)) if (!isIn(value, outputs)) value.release()
    }
    return {
      start: () => last,
      step: async (state, rows, width) => {
        const selected = await this.#select(all, current, imagesWithRows(rows.images))
        if (selected !== current) free(current)
        current = selected
        const output = await this.#step(current, state, rows, width)
        free(state)
        last = output.state
        return output
      },
      release: () => {
        for (const each of [current, last]) free(each)
        for (const value of Object.values(outputs)) value.release()
      },
    }
  }

  /** Frees the compiled graphs. */
  async release(): Promise<void> {
    this.#encoder.release()
    await this.#selectors.release()
    await this.#steps.release()
  }

  /**
   * Encoded images for rows of the images `live`: the current ones if they have all of these and few others, or a copy
   * of those of `all`. Dropping others one by one would copy more than their padded rows cost.
   */
  async #select(all: EncodedImages, current: EncodedImages, live: Int32Array): Promise<EncodedImages> {
    const known = new Set(current.images)
    if (live.length >= WORTH_KEEPING * current.images.length && live.every((image) => known.has(image))) return current
    const names = Object.entries(all.values)
    if (names.length === 0) return { values: {}, images: live } // the state is all that the model reads
    const load = (): Promise<CompiledGraph> =>
      CompiledGraph.load(this.#runtime, selectorOutputs(this.#model), new Map())
    const values = await this.#selectors.use('', load, (graph) =>
      graph.runOnDevice({ ...Object.fromEntries(names), images: ints(live) }),
    )
    return { values: Object.fromEntries(names.map(([name]) => [name, values[SELECTED + name]!])), images: live }
  }

  async #step(
    encoded: EncodedImages,
    state: ModelState,
    { words, parents, images, penalties, wanted }: StepInput,
    most: number,
  ): Promise<StepOutput<ModelState>> {
    const form = {
      width: Math.min(most, this.#model.output.size),
      penalised: penalties !== undefined,
      wanted: wanted !== undefined,
    }
    const { size, rows, places } = groupRows(images, encoded.images)
    const atPlaces = (values: (row: number) => number): HostValue => ints(rows.map(values), [rows.length / size, size])
    const feeds: HostValues = {
      words: atPlaces((row) => words[row]!),
      parents: atPlaces((row) => state.places[parents[row]!]!),
      ...(penalties && {
        penaltyRows: ints(penalties.rows.map((row) => places[row]!)),
        penaltyWords: ints(penalties.words),
        penaltyValues: floats([penalties.values.length, 1], penalties.values),
      }),
      ...(wanted && { wantedRows: ints(wanted.rows.map((row) => places[row]!)), wantedWords: ints(wanted.words) }),
    }
    const load = (): Promise<CompiledGraph> =>
      CompiledGraph.load(
        this.#runtime,
        stepOutputs(this.#model, form, this.#precision),
        this.#weights,
        exportOptions(this.#model, this.#precision),
      )
    const { ids, logProbs, asked, ...next } = await this.#steps.use(JSON.stringify(form), load, (graph) =>
      graph.runOnDevice({ ...encoded.values, ...prefixed(STATE, state.values), ...feeds }, undefined, CHOSEN),
    )
    try {
      const [idValues, logProbValues, askedValues] = await Promise.all([ids!.read(), logProbs!.read(), asked?.read()])
      return {
        state: { values: named(next, NEXT), places },
        ids: rowsAt(places, intData(idValues), form.width),
        logProbs: rowsAt(places, floatData(logProbValues), form.width),
        ...(askedValues && { wanted: floatData(askedValues) }),
      }
    } finally {
      for (const value of [ids, logProbs, asked]) value?.release()
    }
  }
}

/** What is quantised in int8: the output layer only where its best words are scored again in float32. */
const exportOptions = ({ output }: SearchModel, precision: Precision): ExportOptions =>
  precision === 'int8'
    ? { quantized: (weight) => isQuantized(weight) && (isRescored(output) || !isOutput(weight)) }
    : {}

/** The outputs of a step that the search reads. */
const CHOSEN = ['ids', 'logProbs', 'asked']

/** Steps kept compiled: each holds the weights of the decoder, and a search with another beam needs another. */
const STEPS_KEPT = 4

/** The share of encoded images that must have rows, lest they are selected anew. */
const WORTH_KEEPING = 7 / 8

/** The rows at `places` of an array of `width` numbers a row. */
function rowsAt<T extends Int32Array | Float32Array>(places: Int32Array, all: T, width: number): T {
  if (places.length * width === all.length) return all // no padding
  const picked = all.slice(0, places.length * width) as T
  for (const [row, place] of places.entries()) picked.set(all.subarray(place * width, (place + 1) * width), row * width)
  return picked
}

const isIn = (value: DeviceValue, values: DeviceValues): boolean => Object.values(values).includes(value)
