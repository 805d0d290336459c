import type { Engine } from '../../engine/engine.ts'
import { type EngineError, floatData, type Session } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { sha256 } from '../../formats/sha256.ts'
import { type Preprocessing, RGB255 } from '../preprocessing.ts'
import { engineReason } from './engine-reason.ts'
import type { Network } from './network.ts'

/** The name of the built-in network and of the built-in detector, given instead of a file's path. */
export const BUILTIN = 'builtin'

/** Its file in the folder of the captioner that comes with the package. */
export const BUILTIN_FILE = 'network.onnx'
/** The graph input, `[B, 3, SIZE, SIZE]`, values from 0 to 255. */
const INPUT = 'images'
const SIZE = 320
/** Cells of the grid, down and across: 49 regions, as in the paper. */
const SIDE = 7
const CHANNELS = 1104

/**
 * Opens the network that comes with the package, `pretrained/network.onnx`, as scripts/make-network.ts writes it: 1,024
 * channels that were distilled from a ResNet-50 and the logits of COCO's 80 object classes, each standardised over
 * photographs. Throws UserError if the file is missing or damaged.
 */
export async function openBuiltinNetwork({ runtime, assets }: Engine): Promise<Network> {
  const bytes = await assets.builtin(BUILTIN_FILE)
  const session = await runtime.load(bytes).catch((error: unknown) => {
    throw new UserError(
      `Cannot read the built-in network "${BUILTIN_FILE}": ${engineReason(error as EngineError)}; install the packages again with "npm ci"`,
    )
  })
  return new BuiltinNetwork(session, await sha256(bytes))
}

class BuiltinNetwork implements Network {
  readonly name = BUILTIN
  readonly layer = 'regions'
  readonly input: Preprocessing = { width: SIZE, height: SIZE, ...RGB255 }
  readonly regions = SIDE * SIDE
  readonly columns = SIDE
  readonly size = CHANNELS
  readonly #session: Session

  constructor(
    session: Session,
    readonly sha256: string,
  ) {
    this.#session = session
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    const { regions } = await this.#session.run({ [INPUT]: floats([count, 3, SIZE, SIZE], images) })
    return floatData(regions)
  }

  release(): void {
    this.#session.release()
  }
}
