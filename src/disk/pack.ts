import { mkdir, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { FeatureSource } from '../vision/index.ts'
import { writeDetector } from './concept-files.ts'
import { readJson, writeFileAtomic } from './files.ts'
import { openRun, runFiles, writeRunConfig } from './run.ts'
import { writeSafetensors } from './safetensors-file.ts'

/**
 * Writes what captioning needs of a run into another folder, a run's folder too: configuration, vocabulary, weights and concept detector, these in
 * float16, half the bytes. Paths of this machine are left out: they say nothing elsewhere. Throws UserError where weights do not fit float16 and where the folder
 * is a run that was trained there.
 */
export async function packRun(folder: string, out: string): Promise<void> {
  const run = await openRun(folder)
  const [from, to] = [runFiles(folder), runFiles(out)]
  await mkdir(out, { recursive: true })
  const trained = (await readdir(out)).find((name) => join(out, name) === to.log || join(out, name) === to.checkpoint)
  if (trained !== undefined)
    throw new UserError(
      `Cannot pack into "${out}": it is a run in training (it has ${trained}); give a folder of its own`,
    )
  const { name } = run.config.data
  const features = withoutPaths(run.config.features)
  await writeRunConfig(out, { ...run.config, features, data: { name, folder: `data/${name}` } })
  await writeFileAtomic(to.vocabulary, `${JSON.stringify(await readJson(from.vocabulary, 'vocabulary'))}\n`)
  await writeSafetensors(to.weights, narrowed(run.weights, from.weights))
  if (run.detector)
    await writeDetector(to.concepts, {
      info: { ...run.detector.info, features },
      weights: narrowed(run.detector.weights, from.concepts),
    })
}

/** The same source with the networks' names instead of the paths where they were. */
function withoutPaths(source: FeatureSource): FeatureSource {
  const named = <T extends { readonly file: string }>(network: T): T => ({ ...network, file: basename(network.file) })
  if (!('network' in source)) return source
  const network = named(source.network)
  return 'detector' in source ? { ...source, network, detector: named(source.detector) } : { ...source, network }
}

function narrowed(weights: ReadonlyMap<string, TensorData>, path: string): ReadonlyMap<string, TensorData> {
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const halves = toFloat16(data as Float32Array)
      if (halves.some((bits) => (bits & 0x7c00) === 0x7c00))
        throw new UserError(`Cannot pack "${path}": "${name}" has numbers beyond 65,504, too large for float16`)
      return [name, { dtype: 'F16' as const, shape, data: halves }]
    }),
  )
}
