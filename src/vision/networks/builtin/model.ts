import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cached } from '../../../disk/cache.ts'
import type { Session } from '../../../engine/session.ts'
import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { toOnnx } from '../../../onnx/export.ts'
import { TfjsImport } from '../tfjs/import.ts'
import { checkTfjsModel } from '../tfjs/model-file.ts'

/** The name that stands for the network of the package where a file's path is wanted. */
export const BUILTIN = 'builtin'

/** The network's only input, [B, 3, height, width], values from 0 to 255. */
export const INPUT = 'tower_0/images'

/** What is made of the network: some outputs at one size of picture. */
export interface Part {
  /** a word for the file's name in the cache */
  readonly name: string
  /** pictures' width and height */
  readonly size: number
  /** everything else that decides the outputs, so that a change of it makes the file anew */
  readonly recipe: object
  /** the outputs by name, from the network's nodes; what it `keeps` are inputs with values */
  outputs(node: (name: string) => Tensor, keep: Map<string, HostValue>): Readonly<Record<string, Tensor>>
}

/** Counts the changes of the translation from TensorFlow.js to ONNX that change the file made of the same part. */
const TRANSLATION = 1

const PACKAGE = '@vladmandic/human'
const ADVICE = 'install the package again with "npm ci"'

/**
 * Opens a part of the network that comes with npm: MobileNetV3-CenterNet (https://github.com/610265158/mobilenetv3_centernet), trained on COCO, in
 * `models/` of @vladmandic/human (MIT). The ONNX made of it is kept in the cache folder. `sha256` is that of the model's file followed by its
 * weights. Throws UserError where the package is missing or damaged.
 */
export async function openPart(part: Part): Promise<{ readonly session: Session; readonly sha256: string }> {
  const { json, weights, sha256 } = await builtinFiles()
  const { name, size, recipe } = part
  const key = createHash('sha256')
    .update(JSON.stringify([sha256, TRANSLATION, size, recipe]))
    .digest('hex')
  const onnx = await cached(`centernet-${name}-${key.slice(0, 16)}.onnx`, async () => translate(part, json, weights))
  const { nodeRuntime } = await import('../../../hosts/node/runtime.ts')
  return { session: await nodeRuntime.load(onnx), sha256 }
}

interface ModelFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** The network's files in its package; `sha256` is that of the model's bytes followed by the weights'. Throws UserError where one is missing. */
export async function builtinFiles(): Promise<{ json: ModelFile; weights: ModelFile; sha256: string }> {
  const [json, weights] = await Promise.all([readModelFile('centernet.json'), readModelFile('centernet.bin')])
  return { json, weights, sha256: createHash('sha256').update(json.bytes).update(weights.bytes).digest('hex') }
}

/** The package's code is never loaded: only the place of its entry is asked for. */
async function readModelFile(name: string): Promise<ModelFile> {
  try {
    const entry = createRequire(import.meta.url).resolve(PACKAGE)
    const path = join(dirname(dirname(entry)), 'models', name)
    return { path, bytes: await readFile(path) }
  } catch (error) {
    throw new UserError(
      `Cannot read the built-in network: ${name} of the package ${PACKAGE} is missing (${(error as NodeJS.ErrnoException).code}); ${ADVICE}`,
    )
  }
}

function translate({ size, outputs }: Part, json: ModelFile, weights: ModelFile): Uint8Array {
  const model = checkTfjsModel(parse(json), json.path, ADVICE)
  const network = new TfjsImport(model, weights.bytes, {
    what: `network "${json.path}"`,
    weightsWhat: `weights "${weights.path}"`,
    width: size,
    height: size,
  })
  const kept = new Map<string, HostValue>()
  const made = outputs((name) => network.tensor(name), kept)
  return toOnnx(made, new Map([...network.weights, ...kept]) as ReadonlyMap<string, HostValue>)
}

function parse({ path, bytes }: ModelFile): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new UserError(`Cannot read network "${path}": it is not JSON (${(error as Error).message}); ${ADVICE}`)
  }
}
