import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import type { ImageInput } from '../../engine/pictures.ts'
import { EngineError, floatData, type Session, type Values } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats, type HostValue } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { type ClipPreprocessing, clipInput, clipPreprocessing } from './clip-picture.ts'
import { type ClipTokenizer, clipTokenizer } from './clip-text.ts'

/** Texts of equal length that are encoded at once. */
const BATCH = 32

/** An encoder of the folder: its session and the name of the output with the projected embedding. */
interface Encoder {
  readonly path: string
  readonly session: Session
  readonly output: string
}

/** The embedding of a picture or text, of length 1. */
export type Embedding = Float32Array

/** A CLIP model in ONNX with its projections (Radford et al., ICML 2021). */
export class Clip {
  /** The first 12 hexadecimal digits of the SHA-256 of the vision model, the text model and the tokenizer. */
  readonly digest: string
  readonly #engine: Engine
  readonly #vision: Encoder
  readonly #text: Encoder
  readonly #tokenizer: ClipTokenizer
  readonly #preprocessing: ClipPreprocessing

  private constructor(
    engine: Engine,
    encoders: { vision: Encoder; text: Encoder },
    tokenizer: ClipTokenizer,
    preprocessing: ClipPreprocessing,
    digest: string,
  ) {
    this.#engine = engine
    this.#vision = encoders.vision
    this.#text = encoders.text
    this.#tokenizer = tokenizer
    this.#preprocessing = preprocessing
    this.digest = digest
  }

  /**
   * Opens a folder with vision_model.onnx, text_model.onnx, tokenizer.json and preprocessor_config.json, as optimum and
   * transformers.js publish CLIP; the models may be in its folder "onnx". Throws UserError if a file is missing or is
   * not what its name says.
   */
  static async open(engine: Engine, folder: string): Promise<Clip> {
    const paths = {
      vision: find(folder, 'vision_model.onnx'),
      text: find(folder, 'text_model.onnx'),
      tokenizer: find(folder, 'tokenizer.json'),
      preprocessing: find(folder, 'preprocessor_config.json'),
    }
    const read = (path: string) => engine.assets.read(path, 'CLIP')
    const tokenizerBytes = await read(paths.tokenizer)
    const preprocessing = clipPreprocessing(
      parse(await read(paths.preprocessing), paths.preprocessing),
      paths.preprocessing,
    )
    const tokenizer = await clipTokenizer(parse(tokenizerBytes, paths.tokenizer), paths.tokenizer)
    const [visionBytes, textBytes] = [await read(paths.vision), await read(paths.text)]
    const digests = await Promise.all([visionBytes, textBytes, tokenizerBytes].map((bytes) => sha256(bytes)))
    const vision = await openEncoder(engine, paths.vision, visionBytes, 'image_embeds', 'pixel_values')
    const text = await openEncoder(engine, paths.text, textBytes, 'text_embeds', 'input_ids').catch(
      (error: unknown) => {
        vision.session.release()
        throw error
      },
    )
    const digest = digests.map((each) => each.slice(0, 12)).join('+')
    return new Clip(engine, { vision, text }, tokenizer, preprocessing, digest)
  }

  /** The side of the square that the vision model sees, in pixels. */
  get imageSize(): number {
    return this.#preprocessing.crop
  }

  /** The embedding of a picture. Throws ImageError if it cannot be read, UserError if the model fails. */
  async embedPicture(picture: ImageInput): Promise<Embedding> {
    const pixels = await clipInput(this.#engine.pictures, picture, this.#preprocessing)
    const { crop } = this.#preprocessing
    const [embedding] = await run(this.#vision, 1, { pixel_values: floats([1, 3, crop, crop], pixels) })
    return embedding!
  }

  /** The embeddings of texts, in order. Texts of equal length run together, so that none needs padding. */
  async embedTexts(texts: readonly string[]): Promise<Embedding[]> {
    const embeddings = new Array<Embedding>(texts.length)
    const byLength = new Map<number, { readonly at: number; readonly ids: number[] }[]>()
    for (const [at, text] of texts.entries()) {
      const ids = this.#tokenizer(text)
      const same = byLength.get(ids.length) ?? []
      byLength.set(ids.length, same)
      same.push({ at, ids })
    }
    for (const [length, same] of byLength)
      for (let start = 0; start < same.length; start += BATCH) {
        const batch = same.slice(start, start + BATCH)
        const ids = int64(
          batch.flatMap((text) => text.ids),
          [batch.length, length],
        )
        const mask = int64(new Array<number>(batch.length * length).fill(1), [batch.length, length])
        const found = await run(this.#text, batch.length, { input_ids: ids, attention_mask: mask })
        for (const [i, { at }] of batch.entries()) embeddings[at] = found[i]!
      }
    return embeddings
  }

  /** Frees the models. */
  release(): void {
    this.#vision.session.release()
    this.#text.session.release()
  }
}

/** The path of one of CLIP's files. Throws UserError if the folder lacks it. */
function find(folder: string, name: string): string {
  const path = [join(folder, name), join(folder, 'onnx', name)].find(existsSync)
  if (path !== undefined) return path
  throw new UserError(
    `Cannot open CLIP "${folder}": it has no ${name}; give a folder with vision_model.onnx, text_model.onnx, tokenizer.json ` +
      'and preprocessor_config.json, as optimum exports it ("optimum-cli export onnx --model openai/clip-vit-base-patch32") ' +
      'or transformers.js publishes it',
  )
}

function parse(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new UserError(`Cannot read CLIP's "${path}": it is not JSON (${(error as Error).message})`)
  }
}

/** Compiles an encoder and checks the names of its inputs and outputs. */
async function openEncoder(
  engine: Engine,
  path: string,
  bytes: Uint8Array,
  output: string,
  input: string,
): Promise<Encoder> {
  const session = await engine.runtime.load(bytes).catch((error: unknown) => {
    if (error instanceof EngineError) throw new UserError(`Cannot run CLIP's "${path}": ${error.message}`)
    throw error
  })
  const fail = (what: string, has: readonly string[], wanted: string): never => {
    session.release()
    throw new UserError(
      `Cannot use CLIP's "${path}": it has no ${what} "${wanted}" (it has ${has.join(', ')}); export the model with its projection`,
    )
  }
  if (!session.outputNames.includes(output)) fail('output', session.outputNames, output)
  if (!session.inputNames.includes(input)) fail('input', session.inputNames, input)
  const others = session.inputNames.filter((name) => name !== input && name !== 'attention_mask')
  if (others.length > 0) {
    session.release()
    throw new UserError(
      `Cannot use CLIP's "${path}": it also needs ${others.join(', ')}; export the vision and the text model separately`,
    )
  }
  return { path, session, output }
}

/** Runs an encoder on a batch; returns its embeddings, scaled to length 1. */
async function run({ path, session, output }: Encoder, batch: number, feeds: Values): Promise<Embedding[]> {
  const fed = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)))
  const outputs = await session.run(fed, { wanted: [output] }).catch((error: unknown) => {
    if (error instanceof EngineError) throw new UserError(`Cannot run CLIP's "${path}": ${error.message}`)
    throw error
  })
  const values = floatData(outputs[output])
  const size = values.length / batch
  if (!Number.isInteger(size) || size === 0)
    throw new UserError(`Cannot use CLIP's "${path}": "${output}" has ${values.length} numbers for ${batch} inputs`)
  return Array.from({ length: batch }, (_, i) => unit(values.subarray(i * size, (i + 1) * size), path))
}

/** A vector scaled to length 1. Throws UserError if it has none. */
function unit(vector: Float32Array, path: string): Embedding {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (!(length > 0 && Number.isFinite(length)))
    throw new UserError(`Cannot use CLIP's "${path}": an embedding has the length ${length}`)
  return vector.map((value) => value / length)
}

const int64 = (values: readonly number[], shape: readonly number[]): HostValue => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
})
