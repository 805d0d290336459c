import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { floatData, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { toOnnx } from '../../onnx/export.ts'
import type { Normalisation, Preprocessing } from '../preprocessing.ts'
import { type Cut, type CutOptions, cut } from './cut.ts'
import { normalisationOf } from './known-networks.ts'
import type { Network } from './network.ts'

export interface BackboneOptions extends CutOptions {
  /** by default what is known of the file, or else torchvision's */
  readonly normalisation?: Normalisation
}

/** Opens a pretrained network, an ONNX file, as a Network that gives a layer's map. Throws UserError for a file that is none or has no such layer. */
export async function openBackbone(path: string, options: BackboneOptions = {}): Promise<Network> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `Cannot read network "${path}": ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`,
    )
  })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const found = cut(bytes, `network "${path}"`, options)
  const { nodeRuntime } = await import('../../hosts/node/runtime.ts')
  const session = await nodeRuntime.load(toOnnx({ regions: found.regions }, found.weights))
  return new Backbone(resolve(path), sha256, found, options.normalisation ?? normalisationOf(sha256), session)
}

class Backbone implements Network {
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
