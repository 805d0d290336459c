import { floatData, type Session } from '../../engine/session.ts'
import { floats } from '../../formats/host-value.ts'
import type { Preprocessing } from '../preprocessing.ts'
import type { Network } from './network.ts'

/** What a network of square grids is, besides its session. */
interface GridNetworkOptions {
  readonly name: string
  readonly sha256: string
  readonly layer: string
  readonly input: Preprocessing
  /** the name of the session's input, `[B, 3, height, width]`; its output is `regions`, `[B, side * side, size]` */
  readonly inputName: string
  /** cells of the grid, down and across */
  readonly side: number
  /** numbers per cell */
  readonly size: number
}

/** A network that comes with a package: its session computes the regions itself. */
export class GridNetwork implements Network {
  readonly name: string
  readonly sha256: string
  readonly layer: string
  readonly input: Preprocessing
  readonly regions: number
  readonly columns: number
  readonly size: number
  readonly #inputName: string
  readonly #session: Session

  /** Takes over the session. */
  constructor(session: Session, { name, sha256, layer, input, inputName, side, size }: GridNetworkOptions) {
    this.name = name
    this.sha256 = sha256
    this.layer = layer
    this.input = input
    this.regions = side * side
    this.columns = side
    this.size = size
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
