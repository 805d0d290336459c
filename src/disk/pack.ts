import { readdir } from 'node:fs/promises'
import { basename, relative, sep } from 'node:path'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { FeatureSource } from '../vision/index.ts'
import { detectorFiles, writeDetector } from './concept-files.ts'
import { throwFileError } from './errno.ts'
import { makeFolder, readJson, writeFileAtomic } from './files.ts'
import { openRun, runFiles, writeRunConfig } from './run.ts'
import { writeSafetensors } from './safetensors-file.ts'

/** Files that only a run in training has. */
const TRAINING_FILES = [runFiles('').log, runFiles('').checkpoint]

/**
 * Packs a run for others: writes its vocabulary, weights, concept detector and configuration into the folder `out`,
 * which can be used as a run. Weights are stored as float16, and networks by name, without this machine's paths.
 * Returns the names of the files, with "/" between folders. Throws UserError if a weight is too large for float16, or
 * if a run was trained in `out`.
 */
export async function packRun(folder: string, out: string): Promise<string[]> {
  const run = await openRun(folder)
  const [from, to] = [runFiles(folder), runFiles(out)]
  await makeFolder(out)
  const trained = (await readdir(out).catch((error) => throwFileError('pack into', out, error))).find((name) =>
    TRAINING_FILES.includes(name),
  )
  if (trained !== undefined)
    throw new UserError(`Cannot pack into "${out}": a run was trained there (it has ${trained}); give another folder`)
  const { name } = run.config.data
  const features = withoutPaths(run.config.features)
  await writeFileAtomic(to.vocabulary, `${JSON.stringify(await readJson(from.vocabulary, 'vocabulary'))}\n`)
  await writeSafetensors(to.weights, narrowed(run.weights, from.weights))
  if (run.detector)
    await writeDetector(to.concepts, {
      info: { ...run.detector.info, features },
      weights: narrowed(run.detector.weights, from.concepts),
    })
  // The last: a folder with a configuration is complete.
  await writeRunConfig(out, { ...run.config, features, data: { name, folder: `data/${name}` } })
  const detector = run.detector ? Object.values(detectorFiles(to.concepts)) : []
  return [...detector, to.config, to.vocabulary, to.weights].map((path) => relative(out, path).split(sep).join('/'))
}

/** The source with the networks' file names instead of their paths. */
function withoutPaths(source: FeatureSource): FeatureSource {
  const named = <T extends { readonly file: string }>(network: T): T => ({ ...network, file: basename(network.file) })
  if (!('network' in source)) return source
  const network = named(source.network)
  return 'detector' in source ? { ...source, network, detector: named(source.detector) } : { ...source, network }
}

/** Weights as float16. */
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
