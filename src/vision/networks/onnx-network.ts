import type { Engine } from '../../engine/engine.ts'
import { EngineError, floatData, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { toOnnx } from '../../onnx/export.ts'
import type { Normalisation, Preprocessing } from '../preprocessing.ts'
import { type Cut, type CutOptions, cut } from './cut.ts'
import { normalisationOf } from './known-networks.ts'
import type { Network } from './network.ts'

/** How a network of an ONNX file is used. */
export interface OnnxNetworkOptions extends CutOptions {
  /** by default that of a known file, else torchvision's */
  readonly normalisation?: Normalisation
}

/**
 * Opens a pretrained network, an ONNX file, cut at a layer whose map becomes the regions. Throws UserError if it is not
 * such a file, has no such layer, or cannot be run.
 */
export async function openOnnxNetwork(
  { runtime, assets }: Engine,
  path: string,
  options: OnnxNetworkOptions = {},
): Promise<Network> {
  const bytes = await assets.read(path, 'network')
  const found = cut(bytes, `network "${path}"`, options)
  const digest = await sha256(bytes)
  const session = await runtime.load(toOnnx({ regions: found.regions }, found.weights)).catch((error: unknown) => {
    if (error instanceof EngineError)
      throw new UserError(`Cannot run network "${path}" up to layer "${found.layer}": ${error.message}`)
    throw error
  })
  return new OnnxNetwork(assets.resolve(path), digest, found, options.normalisation ?? normalisationOf(digest), session)
}

class OnnxNetwork implements Network {
  readonly layer: string
  readonly input: Preprocessing
  readonly regions: number
  readonly columns: number
  readonly size: number
  readonly #inputName: string
  readonly #session: Session

  constructor(
    readonly name: string,
    readonly sha256: string,
    { layer, width, height, columns, regions, inputName }: Cut,
    normalisation: Normalisation,
    session: Session,
  ) {
    this.layer = layer
    this.input = { width, height, ...normalisation }
    const [, cells, channels] = regions.shape as number[]
    this.regions = cells!
    this.columns = columns
    this.size = channels!
    this.#inputName = inputName
    this.#session = session
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    const { width, height } = this.input
    const { regions } = await this.#session.run({ [this.#inputName]: floats([count, 3, height, width], images) })
    return floatData(regions)
  }

  release(): void {
    this.#session.release()
  }
}
