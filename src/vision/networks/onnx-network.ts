import type { Assets } from '../../engine/assets.ts'
import type { Engine } from '../../engine/engine.ts'
import { EngineError, floatData, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { externalFiles, storeExternalData } from '../../onnx/external-data.ts'
import { readModel } from '../../onnx/file.ts'
import type { Normalisation, Preprocessing } from '../preprocessing.ts'
import { type Cut, type CutOptions, cut } from './cut.ts'
import { engineReason, oneLine } from './engine-reason.ts'
import { normalisationOf } from './known-networks.ts'
import type { Network } from './network.ts'
import { PREPROCESSOR_CONFIG, type PreprocessorConfig, preprocessorConfig } from './preprocessor-config.ts'

/** How a network of an ONNX file is used. */
export interface OnnxNetworkOptions extends Omit<CutOptions, 'usual'> {
  /** by default as preprocessor_config.json says, else that of a known file, else torchvision's */
  readonly normalisation?: Normalisation
}

/**
 * Opens a pretrained network, an ONNX file, cut at a layer whose cells or tokens become the regions. The file is run as
 * it is. Its size and normalisation come from the options, else from a preprocessor_config.json in its folder, or in
 * the folder above if it is in one called `onnx`. Throws UserError if the file cannot be read, has no such layer, or
 * cannot be run.
 */
export async function openOnnxNetwork(engine: Engine, path: string, options?: OnnxNetworkOptions): Promise<Network> {
  const { what, cut: found, sha256, normalisation } = await cutOnnxNetwork(engine, path, options)
  const { runtime, assets } = engine
  const session = await runtime.load(found.model).catch((error: unknown) => {
    if (error instanceof EngineError)
      throw new UserError(`Cannot run ${what} up to layer "${found.layer}": ${engineReason(error)}`)
    throw error
  })
  return new OnnxNetwork(assets.resolve(path), sha256, found, normalisation, session)
}

/** A network of an ONNX file cut at a layer. */
export interface CutNetwork {
  /** what errors call it, such as `network "a.onnx"` */
  readonly what: string
  readonly cut: Cut
  /** the SHA-256 of the file; with weights in other files, that of the digests of all */
  readonly sha256: string
  readonly normalisation: Normalisation
}

/** Reads an ONNX file and cuts it at a layer, as openOnnxNetwork() does. Throws UserError. */
export async function cutOnnxNetwork(
  { runtime, assets }: Engine,
  path: string,
  { normalisation, ...options }: OnnxNetworkOptions = {},
): Promise<CutNetwork> {
  const what = `network "${path}"`
  const { model, digest } = await readNetwork(assets, path)
  const sized = options.width !== undefined || options.height !== undefined
  const config = normalisation && sized ? undefined : await configOf(assets, path)
  const found = await cut(runtime, model, what, { ...options, ...(config?.size && { usual: config.size }) })
  const pixels = normalisation ?? config?.normalisation ?? normalisationOf(digest)
  return { what, cut: found, sha256: digest, normalisation: pixels }
}

/**
 * Reads an ONNX file with all its weights. Its digest is the SHA-256 of the file; with weights in other files, that of
 * the digests of all, in hexadecimal one after the other: the file, then the others in alphabetical order.
 */
async function readNetwork(assets: Assets, path: string) {
  const bytes = await assets.read(path, 'network')
  const digests = [await sha256(bytes)]
  try {
    const model = readModel(bytes)
    const files = new Map<string, Uint8Array>()
    for (const file of externalFiles(model.graph)) {
      const data = await assets.sibling(path, file, 'weights')
      if (!data) throw new UserError(`its weights are in "${file}", which is missing from its folder; copy it there`)
      files.set(file, data)
      digests.push(await sha256(data))
    }
    storeExternalData(model.graph, files)
    return { model, digest: files.size > 0 ? await sha256(new TextEncoder().encode(digests.join(''))) : digests[0]! }
  } catch (error) {
    if (!(error instanceof UserError) || error.message.startsWith('Cannot ')) throw error
    throw new UserError(`Cannot read network "${path}": ${oneLine(error.message)}`)
  }
}

async function configOf(assets: Assets, path: string): Promise<PreprocessorConfig | undefined> {
  const places = [
    PREPROCESSOR_CONFIG,
    ...(/(^|[/\\])onnx[/\\][^/\\]*$/.test(assets.resolve(path)) ? [`../${PREPROCESSOR_CONFIG}`] : []),
  ]
  for (const place of places) {
    const bytes = await assets.sibling(path, place, 'preprocessing')
    if (bytes) return preprocessorConfig(bytes, `${place} of network ${path}`)
  }
  return undefined
}

/** The part of a layer's largest number by which results of the same picture may differ. */
const TOLERANCE = 5e-3

class OnnxNetwork implements Network {
  readonly layer: string
  readonly input: Preprocessing
  readonly regions: number
  readonly columns: number
  readonly size: number
  readonly #inputName: string
  readonly #session: Session
  /** pictures of a run: a fixed number, any, or not known yet */
  #batch: number | 'any' | 'unknown'

  constructor(
    readonly name: string,
    readonly sha256: string,
    { layer, width, height, rows, columns, size, inputName, batch }: Cut,
    normalisation: Normalisation,
    session: Session,
  ) {
    this.layer = layer
    this.input = { width, height, ...normalisation }
    this.regions = rows * columns
    this.columns = columns
    this.size = size
    this.#inputName = inputName
    this.#session = session
    this.#batch = batch ?? 'unknown'
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    if (this.#batch === 'unknown' && count > 1) return this.#firstBatch(images, count)
    return typeof this.#batch === 'number' ? this.#inBatches(images, count, this.#batch) : this.#run(images, count)
  }

  release(): void {
    this.#session.release()
  }

  /**
   * Runs the first batch of a network that says it takes any. Many were exported with one image, and either fail with
   * more or mix them up, for example where a shape was stored: then each picture is run alone.
   */
  async #firstBatch(images: Float32Array, count: number): Promise<Float32Array> {
    const alone = await this.#inBatches(images, count, 1)
    const together = await this.#run(images, count).catch((error: unknown) => {
      if (error instanceof UserError) return undefined
      throw error
    })
    const largest = alone.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const agree = together?.every((value, i) => !(Math.abs(value - alone[i]!) > TOLERANCE * largest))
    this.#batch = agree ? 'any' : 1
    return alone
  }

  /** Runs pictures `batch` at a time, filled up with black ones. */
  async #inBatches(images: Float32Array, count: number, batch: number): Promise<Float32Array> {
    if (batch === count) return this.#run(images, count)
    const { width, height } = this.input
    const [length, size] = [3 * width * height, this.regions * this.size]
    const all = new Float32Array(count * size)
    for (let first = 0; first < count; first += batch) {
      const real = Math.min(batch, count - first)
      const part = new Float32Array(batch * length)
      part.set(images.subarray(first * length, (first + real) * length))
      all.set((await this.#run(part, batch)).subarray(0, real * size), first * size)
    }
    return all
  }

  async #run(images: Float32Array, count: number): Promise<Float32Array> {
    const { width, height } = this.input
    try {
      const outputs = await this.#session.run({ [this.#inputName]: floats([count, 3, height, width], images) })
      const regions = floatData(Object.values(outputs)[0])
      if (regions.length === count * this.regions * this.size) return regions
      throw new EngineError(`its layer has ${regions.length} numbers for ${count} pictures`)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      throw new UserError(`Cannot run network "${this.name}" up to layer "${this.layer}": ${engineReason(error)}`)
    }
  }
}
