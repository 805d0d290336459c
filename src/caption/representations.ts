import { mkdir } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { writeFileAtomic } from '../disk/files.ts'
import { openRun } from '../disk/run.ts'
import { writeSafetensors } from '../disk/safetensors-file.ts'
import { UserError } from '../errors.ts'
import { serializeNpy } from '../formats/npy.ts'
import { nodeRuntime } from '../hosts/node/runtime.ts'
import type { Watch } from '../progress.ts'
import type { ImageInput } from '../vision/index.ts'
import type { NetworkPaths } from './feature-extractor.ts'
import { PhotoReader, type Refused } from './photo-reader.ts'
import { Representer } from './representer.ts'

/** Tensors of photographs by name, see Representer; the first axis is the photographs'. */
export type Representations = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>

/** Photographs as a run with MIA sees them. */
export interface Represented {
  readonly names: readonly string[]
  /** besides what Representer gives `boxes` `[names, R, 4]`: left, top, right, bottom in parts of the picture, zeros where a picture has fewer */
  readonly tensors: Representations
  /** the words of the K concepts of each, in the order of the attention's columns */
  readonly concepts: readonly (readonly string[])[]
  readonly refused: readonly Refused[]
}

/** The semantic-grounded representations of photographs by a run with MIA. Throws UserError for a run without. */
export async function representPhotos(
  folder: string,
  images: readonly ImageInput[],
  { attention = false, onProgress, signal, ...paths }: { attention?: boolean } & NetworkPaths & Watch = {},
): Promise<Represented> {
  const run = await openRun(folder)
  if (!run.config.model.mia)
    throw new UserError(
      `Cannot represent pictures with run "${folder}": it has no MIA; train one with "mia train --mia"`,
    )
  const reader = await PhotoReader.open(run, paths)
  const representer = await Representer.load(nodeRuntime, run.model, run.weights, { attention })
  const names: string[] = []
  const concepts: string[][] = []
  const refused: Refused[] = []
  const parts: Representations[] = []
  try {
    for await (const read of reader.read(images)) {
      signal?.throwIfAborted()
      refused.push(...read.refused)
      names.push(...read.names)
      concepts.push(...read.concepts.map((each) => each.map(({ word }) => word)))
      if (read.names.length > 0)
        parts.push(
          new Map([
            ...(await representer.represent(read.features, read.conceptIds, read.names.length)),
            ['boxes', padded(read.boxes, run.config.model.regions)],
          ]),
        )
      onProgress?.(names.length + refused.length, images.length)
    }
  } finally {
    representer.release()
    reader.release()
  }
  return { names, tensors: join(parts), concepts, refused }
}

/** The boxes of pictures, each filled up to `most`. */
function padded(boxes: readonly Float32Array[], most: number): { shape: readonly number[]; data: Float32Array } {
  const data = new Float32Array(boxes.length * most * 4)
  for (const [i, each] of boxes.entries()) data.set(each, i * most * 4)
  return { shape: [boxes.length, most, 4], data }
}

/** The kind of file that a name asks for. Throws UserError for a name with another ending. */
export function representationKind(out: string): '.safetensors' | '.npy' {
  const kind = extname(out)
  if (kind === '.safetensors' || kind === '.npy') return kind
  throw new UserError(`Cannot write representations to "${out}": the file's name must end in .safetensors or .npy`)
}

/** Writes them as one .safetensors file, or as a .npy file for each tensor and a .json file with names and concepts; gives the files' paths. */
export async function writeRepresentations(
  out: string,
  run: string,
  { names, tensors, concepts }: Pick<Represented, 'names' | 'tensors' | 'concepts'>,
): Promise<string[]> {
  const kind = representationKind(out)
  const [images, words] = [names, concepts].map((each) => JSON.stringify(each)) as [string, string]
  await mkdir(dirname(out), { recursive: true })
  if (kind === '.safetensors') {
    const each = [...tensors].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }] as const)
    await writeSafetensors(out, each, { format: 'mia-representations/1', run, images, concepts: words })
    return [out]
  }
  const stem = out.slice(0, -kind.length)
  const written: string[] = []
  for (const [name, tensor] of tensors) {
    const path = name === 'sgir' ? out : `${stem}.${name}.npy`
    await writeFileAtomic(path, serializeNpy(tensor))
    written.push(path)
  }
  await writeFileAtomic(`${stem}.json`, `{"images": ${images}, "concepts": ${words}}\n`)
  return [...written, `${stem}.json`]
}

function join(parts: readonly Representations[]): Representations {
  return new Map(
    [...(parts[0]?.keys() ?? [])].map((name) => {
      const each = parts.map((part) => part.get(name)!)
      const [, ...rest] = each[0]!.shape
      const data = new Float32Array(each.reduce((sum, part) => sum + part.data.length, 0))
      let at = 0
      for (const part of each) {
        data.set(part.data, at)
        at += part.data.length
      }
      return [name, { shape: [each.reduce((sum, part) => sum + part.shape[0]!, 0), ...rest], data }]
    }),
  )
}
