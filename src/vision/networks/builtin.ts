import type { Engine } from '../../engine/engine.ts'
import type { EngineError } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { sha256 } from '../../formats/sha256.ts'
import { RGB255 } from '../preprocessing.ts'
import { engineReason } from './engine-reason.ts'
import { GridNetwork } from './grid-network.ts'
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
  return new GridNetwork(session, {
    name: BUILTIN,
    sha256: await sha256(bytes),
    layer: 'regions',
    input: { width: SIZE, height: SIZE, ...RGB255 },
    inputName: INPUT,
    side: SIDE,
    size: CHANNELS,
  })
}
