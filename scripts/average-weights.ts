/*
 * Averages the weights of runs that began alike, as in "Model soups" (Wortsman et al., ICML 2022), into a run that "mia
 * test", "mia train --from" and "mia card" read. A run's folder stands for its best weights, its checkpoint.safetensors
 * for those after its last epoch; "=0.2" after a path is its share, otherwise 1, of the sum of all shares. Everything
 * but the weights is that of the first run, and its configuration says what was averaged.
 * Usage: npx tsx scripts/average-weights.ts runs/averaged runs/a runs/a/checkpoint.safetensors runs/b=0.2
 */
import { existsSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readCheckpoint } from '../src/disk/checkpoint.ts'
import { readBytes } from '../src/disk/files.ts'
import { openRun, runFiles, writeRunConfig } from '../src/disk/run.ts'
import { MAX_SAFETENSORS_BYTES, writeSafetensors } from '../src/disk/safetensors-file.ts'
import { UserError } from '../src/errors.ts'
import { sha256 } from '../src/formats/sha256.ts'

const USAGE = 'npx tsx scripts/average-weights.ts runs/averaged runs/a runs/a/checkpoint.safetensors runs/b=0.2'

const [out, ...given] = process.argv.slice(2)
if (out === undefined || given.length < 2)
  throw new UserError(`Give the folder to write and at least two weights: ${USAGE}`)
if (existsSync(out)) throw new UserError(`Cannot write "${out}": it exists; give another folder, or delete it`)
const sources = await Promise.all(given.map(read))
const total = sources.reduce((sum, { share }) => sum + share, 0)
const [first] = sources as [(typeof sources)[number]]
const weights = [...first.tensors].map(([name, { shape }]) => {
  const sums = new Float64Array(shape.reduce((product, side) => product * side, 1))
  for (const { path, share, tensors } of sources) {
    const tensor = tensors.get(name)
    if (tensor?.shape.join() !== shape.join())
      throw new UserError(`Cannot average "${path}" with "${first.path}": "${name}" is not [${shape}]; ${USAGE}`)
    for (const [i, value] of (tensor.data as Float32Array).entries()) sums[i]! += (share / total) * value
  }
  return [name, { dtype: 'F32' as const, shape, data: Float32Array.from(sums) }] as const
})
const { config } = await openRun(first.folder)
const averaged = sources.map(({ path, share, digest }) => ({ weights: path, share: share / total, sha256: digest }))
await cp(first.folder, out, { recursive: true })
for (const file of [runFiles(out).checkpoint, runFiles(out).lock]) await rm(file, { force: true })
await writeSafetensors(runFiles(out).weights, weights)
await writeRunConfig(out, { ...config, training: { ...config.training, averaged } })
process.stdout.write(`${out}: the mean of ${sources.length} weights\n`)

/** The weights at a path, and their share. */
async function read(argument: string) {
  const [, path, text] = /^(.*?)(?:=([\d.]+))?$/.exec(argument)!
  const share = text === undefined ? 1 : Number(text)
  if (!(share > 0)) throw new UserError(`Cannot give "${path}" a share of ${text}: it must be above 0; ${USAGE}`)
  const isCheckpoint = path!.endsWith('.safetensors')
  const folder = isCheckpoint ? dirname(path!) : path!
  const file = isCheckpoint ? path! : runFiles(folder).weights
  const digest = await sha256(await readBytes(file, 'weights', { maxBytes: MAX_SAFETENSORS_BYTES }))
  if (!isCheckpoint) return { path: file, folder, share, digest, tensors: (await openRun(folder)).weights }
  const { weights, averages } = await readCheckpoint(file)
  return { path: file, folder, share, digest, tensors: averages ?? weights }
}
