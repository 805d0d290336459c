import type { Engine } from '../../../engine/engine.ts'
import type { Session } from '../../../engine/session.ts'
import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { sha256 } from '../../../formats/sha256.ts'
import type { Tensor } from '../../../graph/index.ts'
import { toOnnx } from '../../../onnx/export.ts'
import { TfjsImport } from '../tfjs/import.ts'
import { checkTfjsModel } from '../tfjs/model-file.ts'

/** The name of the built-in network where a file's path is expected. */
export const BUILTIN = 'builtin'

/** The network's only input, [B, 3, height, width], values from 0 to 255. */
export const INPUT = 'tower_0/images'

/** A part of the network: some of its outputs at one size of picture. */
export interface Part {
  /** a word for the file's name in the cache */
  readonly name: string
  /** pictures' width and height */
  readonly size: number
  /** everything else that decides the outputs; a change of it changes the cached file's name */
  readonly recipe: object
  /** the outputs by name, from the network's nodes; `keep` takes the values of further graph inputs */
  outputs(node: (name: string) => Tensor, keep: Map<string, HostValue>): Readonly<Record<string, Tensor>>
}

const ADVICE = 'install the packages again with "npm ci"'

/**
 * Opens a part of the network that comes with npm: MobileNetV3-CenterNet (https://github.com/610265158/mobilenetv3_centernet), trained on COCO,
 * in `models/` of @vladmandic/human (MIT). It is translated to ONNX once and then cached. `sha256` is that of the model's file followed by its
 * weights. Throws UserError where the package is missing or damaged.
 */
export async function openPart(
  { runtime, assets }: Engine,
  part: Part,
): Promise<{ readonly session: Session; readonly sha256: string }> {
  const { json, weights, digest } = await builtinFiles({ assets })
  const { name, size, recipe } = part
  const key = await sha256(new TextEncoder().encode(JSON.stringify([digest, size, recipe])))
  const onnx = await assets.cached(`centernet-${name}-${key.slice(0, 16)}.onnx`, async () =>
    translate(part, json, weights),
  )
  return { session: await runtime.load(onnx), sha256: digest }
}

const MODEL_FILE = 'centernet.json'
const WEIGHTS_FILE = 'centernet.bin'

/** The network's files; `digest` is the SHA-256 of the model's bytes followed by the weights'. Throws UserError where one is missing. */
export async function builtinFiles({
  assets,
}: Pick<Engine, 'assets'>): Promise<{ json: Uint8Array; weights: Uint8Array; digest: string }> {
  const [json, weights] = await Promise.all([assets.builtin(MODEL_FILE), assets.builtin(WEIGHTS_FILE)])
  return { json, weights, digest: await sha256(json, weights) }
}

function translate({ size, outputs }: Part, json: Uint8Array, weights: Uint8Array): Uint8Array {
  const network = new TfjsImport(checkTfjsModel(parse(json), MODEL_FILE, ADVICE), weights, {
    what: `network "${MODEL_FILE}"`,
    weightsWhat: `weights "${WEIGHTS_FILE}"`,
    width: size,
    height: size,
  })
  const kept = new Map<string, HostValue>()
  const made = outputs((name) => network.tensor(name), kept)
  return toOnnx(made, new Map([...network.weights, ...kept]) as ReadonlyMap<string, HostValue>)
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new UserError(`Cannot read network "${MODEL_FILE}": it is not JSON (${(error as Error).message}); ${ADVICE}`)
  }
}
