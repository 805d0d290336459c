import type { Engine } from '../../../engine/engine.ts'
import type { Session } from '../../../engine/session.ts'
import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { sha256 } from '../../../formats/sha256.ts'
import type { Tensor } from '../../../graph/index.ts'
import { EXPORT_VERSION, toOnnx } from '../../../onnx/export.ts'
import { TfjsImport } from '../tfjs/import.ts'
import { checkTfjsModel } from '../tfjs/model-file.ts'

/** The name of the network, given instead of a file's path. */
export const CENTERNET = 'centernet'

/** The name of the network's only input, `[B, 3, height, width]`, values from 0 to 255. */
export const INPUT = 'tower_0/images'

/** A part of the network: some outputs at one input size. */
export interface Part {
  /** a word for the name of its file in the cache */
  readonly name: string
  /** the input's width and height */
  readonly size: number
  /** everything else that the outputs depend on; it is part of the cache key */
  readonly recipe: object
  /** The outputs by name, from the network's nodes by name; `keep` receives the values of further graph inputs. */
  outputs(node: (name: string) => Tensor, keep: Map<string, HostValue>): Readonly<Record<string, Tensor>>
}

const ADVICE = 'install the packages again with "npm ci"'

/**
 * Opens a part of MobileNetV3-CenterNet (https://github.com/610265158/mobilenetv3_centernet), trained on COCO, from
 * `models/` of the npm package @vladmandic/human (MIT). The part is translated to ONNX once and then cached. Returns
 * the session and the SHA-256 of the network's files, see centernetFiles(). Throws UserError if the package is missing
 * or damaged.
 */
export async function openPart(
  { runtime, assets }: Engine,
  part: Part,
): Promise<{ readonly session: Session; readonly sha256: string }> {
  const { json, weights, digest } = await centernetFiles({ assets })
  const { name, size, recipe } = part
  const key = await sha256(new TextEncoder().encode(JSON.stringify([EXPORT_VERSION, digest, size, recipe])))
  const onnx = await assets.cached(`centernet-${name}-${key.slice(0, 16)}.onnx`, async () =>
    translate(part, json, weights),
  )
  return { session: await runtime.load(onnx), sha256: digest }
}

const MODEL_FILE = 'centernet.json'
const WEIGHTS_FILE = 'centernet.bin'

/**
 * The files of the network; `digest` is the SHA-256 of the model's bytes followed by the weights'. Throws
 * UserError if one is missing.
 */
export async function centernetFiles({
  assets,
}: Pick<Engine, 'assets'>): Promise<{ json: Uint8Array; weights: Uint8Array; digest: string }> {
  const [json, weights] = await Promise.all([assets.builtin(MODEL_FILE), assets.builtin(WEIGHTS_FILE)])
  return { json, weights, digest: await sha256(json, weights) }
}

function translate({ size, outputs }: Part, json: Uint8Array, weights: Uint8Array): Uint8Array {
  const network = importCenternet(size, json, weights)
  const kept = new Map<string, HostValue>()
  const made = outputs((name) => network.tensor(name), kept)
  return toOnnx(made, new Map([...network.weights, ...kept]) as ReadonlyMap<string, HostValue>)
}

/** The network as a graph, for images of `size` x `size`. Throws UserError if its files are damaged. */
export const importCenternet = (size: number, json: Uint8Array, weights: Uint8Array): TfjsImport =>
  new TfjsImport(checkTfjsModel(parse(json), MODEL_FILE, ADVICE), weights, {
    what: `network "${MODEL_FILE}"`,
    weightsWhat: `weights "${WEIGHTS_FILE}"`,
    width: size,
    height: size,
  })

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new UserError(`Cannot read network "${MODEL_FILE}": it is not JSON (${(error as Error).message}); ${ADVICE}`)
  }
}
