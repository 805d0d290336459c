import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { cast, constant, type DType, gather, input, inputName, type Tensor, topK, topological } from '../graph/index.ts'
import { conceptInputs } from '../models/concept-input.ts'
import { featuresInput, type ImageTensors } from '../models/inputs.ts'
import { type Initializer, toOnnx } from '../onnx/export.ts'
import { readOnnx } from '../onnx/file.ts'
import { allWordsStepOutputs, encoderOutputs } from '../search/step-graphs.ts'
import { END, PAD, START, UNKNOWN } from '../text/vocabulary.ts'
import { openFeatureExtractor } from './feature-extractor.ts'
import { detectorFor } from './stored-detector.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** What an export needs besides the captioner. */
export interface ExportOptions {
  /** the network of its features, if it is not where it was when the captioner was trained */
  readonly cnn?: string
  /** the terms of use of its training data, in a sentence */
  readonly terms?: string
}

/** An input or output of an exported model; sizes that the caller chooses are letters. */
export interface Port {
  readonly name: string
  readonly type: DType
  readonly shape: readonly (number | string)[]
}

/** A model of an export: its file and what goes in and out. */
export interface ExportedPorts {
  readonly file: string
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

/** The content of an export's `config.json`: all that a program needs to caption with its models. */
export interface ExportConfig {
  readonly format: string
  readonly model: { readonly basicModel: string; readonly mia: boolean; readonly trainedOn: string }
  /** the terms of use of the training data */
  readonly terms?: string
  /** how a picture becomes the input of the network; none without a network */
  readonly image?: Readonly<Record<string, unknown>> & { readonly width: number; readonly height: number }
  /** regions per image, and numbers per region */
  readonly features: { readonly regions: number; readonly size: number }
  readonly network?: ExportedPorts
  readonly concepts?: ExportedPorts
  readonly encoder: ExportedPorts
  readonly step: ExportedPorts
  /** the ids of the special words */
  readonly tokens: Readonly<Record<'pad' | 'start' | 'end' | 'unknown', number>>
  readonly search: { readonly beam: number; readonly maxLength: number }
}

/** An exported captioner. */
export interface ExportedCaptioner {
  readonly config: ExportConfig
  /** the ONNX models by the names of their files */
  readonly models: ReadonlyMap<string, Uint8Array>
  /** the words by id */
  readonly words: readonly string[]
}

/** Search as `mia caption` does it unless told otherwise. */
const SEARCH = { beam: 3, maxLength: 20 } as const

/**
 * Exports a captioner as ONNX models that need nothing but ONNX Runtime, each with its weights inside:
 *
 * - `network.onnx`: a normalised picture `[B, 3, height, width]` to its regions `[B, R, F]`; left out for bottom-up
 *   features, which were not made from pictures here
 * - `concepts.onnx`: features `[B, R, F]` to `concepts`, ids in the vocabulary `[B, K]`, and their `scores` `[B, K]`,
 *   best first; only for models that use concepts
 * - `encoder.onnx` and `step.onnx`, see encoderOutputs() and allWordsStepOutputs()
 *
 * Throws UserError if the network is missing, is not the one that the captioner was trained with, or takes several
 * pictures at a time; and for detected regions: none of these models detects boxes.
 */
export async function exportCaptioner(
  engine: Engine,
  captioner: TrainedCaptioner,
  { cnn, terms }: ExportOptions = {},
): Promise<ExportedCaptioner> {
  const { model, config, vocabulary, weights, detector } = captioner
  const { features } = config
  if (features.kind === 'detected')
    throw new UserError(
      `Cannot export run "${captioner.name}": its regions are boxes of an object detector, and ONNX models of a captioner do not detect boxes; export a run that was trained on the cells of a grid ("mia features" without --detector)`,
    )
  const network = features.kind === 'grid' ? await networkModel(engine, captioner, cnn) : undefined
  const concepts = detector && exported('concepts.onnx', conceptOutputs(captioner), detector.weights)
  const encoder = exported('encoder.onnx', encoderOutputs(model, roundedInputs(captioner)), weights)
  const step = exported('step.onnx', allWordsStepOutputs(model), weights)
  const { regions, size } = features
  const description: ExportConfig = {
    format: 'mia-export/1',
    model: { basicModel: config.model.basicModel, mia: config.model.mia, trainedOn: config.data.name },
    ...(terms !== undefined && { terms }),
    ...(features.kind === 'grid' && {
      image: {
        ...features.preprocessing,
        resize: 'stretched to width x height, bilinear with antialiasing (triangle filter)',
        orientation: 'upright as EXIF says',
        background: 'white behind transparency',
        normalisation: '(value / 255 - mean) / std, channel by channel',
      },
    }),
    features: { regions, size },
    ...(network && { network: network.ports }),
    ...(concepts && { concepts: concepts.ports }),
    encoder: encoder.ports,
    step: step.ports,
    tokens: { pad: PAD, start: START, end: END, unknown: UNKNOWN },
    search: SEARCH,
  }
  const models = [network, concepts, encoder, step].flatMap((each) => each ?? [])
  return {
    config: description,
    models: new Map(models.map(({ ports, bytes }) => [ports.file, bytes])),
    words: vocabulary.words,
  }
}

/** A model of an export: its file and what goes in and out. */
interface ExportedModel {
  readonly bytes: Uint8Array
  readonly ports: ExportedPorts
}

/** A graph as ONNX with its weights. Open sizes of its ports have the letters that they have in the graph. */
function exported(
  file: string,
  outputs: Readonly<Record<string, Tensor>>,
  weights: ReadonlyMap<string, Initializer>,
): ExportedModel {
  const bytes = toOnnx(outputs, weights)
  const tensors = new Map(
    topological(Object.values(outputs)).flatMap((node) => node.outputs.map((tensor) => [inputName(tensor), tensor])),
  )
  const inputs = [...readOnnx(bytes).inputs.keys()].map((name) => port(name, tensors.get(name)!))
  return {
    bytes,
    ports: { file, inputs, outputs: Object.entries(outputs).map(([name, tensor]) => port(name, tensor)) },
  }
}

const port = (name: string, { dtype, shape }: Pick<Tensor, 'shape' | 'dtype'>): Port => ({
  name,
  type: dtype,
  shape: [...shape],
})

/**
 * The network of a captioner's features as ONNX: as it is compiled for captioning, up to the layer of the features.
 * Opening it checks that it is the one the captioner was trained with.
 */
async function networkModel(
  engine: Engine,
  captioner: TrainedCaptioner,
  cnn: string | undefined,
): Promise<ExportedModel> {
  const { regions, size } = captioner.config.features
  // A network is compiled last, after what is only looked at.
  let bytes = new Uint8Array()
  const runtime: Engine['runtime'] = {
    load: (model) => {
      bytes = new Uint8Array(model)
      return engine.runtime.load(model)
    },
  }
  const extractor = await openFeatureExtractor({ ...engine, runtime }, captioner, { ...(cnn !== undefined && { cnn }) })
  extractor.release()
  const { graph, inputs } = readOnnx(bytes)
  const [[name, { shape, dtype }]] = [...inputs] as [[string, Pick<Tensor, 'shape' | 'dtype'>]]
  const [count, ...sizes] = shape
  if (typeof count === 'number' && count !== 1)
    throw new UserError(
      `Cannot export run "${captioner.name}": its network takes ${count} pictures at a time, and an exported one must take one; export the network again with one picture, or any number`,
    )
  const batch = count === 1 ? 1 : 'B'
  const output = port(graph.output[0]!.name, { dtype: 'float32', shape: [batch, regions, size] })
  return {
    bytes,
    ports: { file: 'network.onnx', inputs: [port(name, { dtype, shape: [batch, ...sizes] })], outputs: [output] },
  }
}

/** float32 features, rounded to float16 as they are when a captioner is trained and used. */
const roundedFeatures = ({ model: { inputs } }: TrainedCaptioner): Tensor =>
  cast(cast(featuresInput(inputs, 'float32'), 'float16'), 'float32')

const roundedInputs = (captioner: TrainedCaptioner): ImageTensors => ({
  features: roundedFeatures(captioner),
  concepts: input('concepts', ['B', captioner.model.inputs.concepts], 'int32'),
})

/** The most probable concepts of each image, as ids in the captions' vocabulary. */
function conceptOutputs(captioner: TrainedCaptioner): Record<string, Tensor> {
  const { detector, config, vocabulary } = captioner
  const { words } = detector!.info
  const probabilities = detectorFor(words.length, config.features).probabilities(roundedFeatures(captioner))
  const { values, indices } = topK(probabilities, config.model.concepts)
  const ids = constant(
    words.map((word) => vocabulary.id(word)),
    'int32',
  )
  const found = gather(ids, cast(indices, 'int32'))
  return { concepts: conceptInputs(found, values, config.model), scores: values }
}
