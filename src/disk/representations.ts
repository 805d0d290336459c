import { extname } from 'node:path'
import type { RepresentedImages } from '../caption/representations.ts'
import { UserError } from '../errors.ts'
import { serializeNpy } from '../formats/npy.ts'
import { writeFileAtomic } from './files.ts'
import { writeSafetensors } from './safetensors-file.ts'

/** Returns the format that a file's name asks for. Throws UserError if the name ends otherwise. */
export function representationFormat(out: string): '.safetensors' | '.npy' {
  const format = extname(out)
  if (format === '.safetensors' || format === '.npy') return format
  throw new UserError(`Cannot write representations to "${out}": the file's name must end in .safetensors or .npy`)
}

/**
 * Writes representations as one .safetensors file, or as a .npy file for each tensor and a .json file with the
 * pictures' names and concepts; see RepresentedImages for the shapes. `run` is the run they were made with. Returns the
 * paths of the files. Throws UserError if a file cannot be written.
 */
export async function writeRepresentations(
  out: string,
  run: string,
  { names, tensors, concepts }: Pick<RepresentedImages, 'names' | 'tensors' | 'concepts'>,
): Promise<string[]> {
  const format = representationFormat(out)
  const [images, words] = [names, concepts].map((each) => JSON.stringify(each)) as [string, string]
  if (format === '.safetensors') {
    const each = [...tensors].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }] as const)
    await writeSafetensors(out, each, { format: 'mia-representations/1', run, images, concepts: words })
    return [out]
  }
  const stem = out.slice(0, -format.length)
  const written: string[] = []
  for (const [name, tensor] of tensors) {
    const path = name === 'sgir' ? out : `${stem}.${name}.npy`
    await writeFileAtomic(path, serializeNpy(tensor))
    written.push(path)
  }
  await writeFileAtomic(`${stem}.json`, `{"images": ${images}, "concepts": ${words}}\n`)
  return [...written, `${stem}.json`]
}
