import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Calibration } from '../caption/calibration.ts'
import { formatRunConfig, parseRunConfig, type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { formatCalibration, parseCalibration } from '../caption/stored-calibration.ts'
import { assembleCaptioner, type TrainedCaptioner } from '../caption/trained-captioner.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { readDetector } from './concept-files.ts'
import { readJson, writeFileAtomic } from './files.ts'
import { readSafetensors } from './safetensors-file.ts'

/** The paths of the files of a run's folder. */
export const runFiles = (folder: string) => ({
  config: join(folder, 'config.json'),
  vocabulary: join(folder, 'vocabulary.json'),
  /** the weights of the epoch with the best validation score */
  weights: join(folder, 'weights.safetensors'),
  /** the state that a stopped run resumes from */
  checkpoint: join(folder, 'checkpoint.safetensors'),
  concepts: join(folder, 'concepts'),
  /** the curve of a packaged captioner's confidence */
  calibration: join(folder, 'calibration.json'),
  /** which images it trains and validates on, for comparison when it resumes */
  data: join(folder, 'data.json'),
  log: join(folder, 'log.jsonl'),
  samples: join(folder, 'samples'),
  /** the epochs of the log as a table */
  resultsCsv: join(folder, 'results.csv'),
  /** the page of the run */
  report: join(folder, 'report.html'),
  lock: join(folder, 'lock.json'),
})

/** Reads `config.json` of a run's folder. Throws UserError if it is missing, or, naming the field, if it is damaged. */
export async function readRunConfig(folder: string): Promise<RunConfig> {
  const path = runFiles(folder).config
  return parseRunConfig(await readJson(path, 'run'), path)
}

/** Writes `config.json` of a run's folder. */
export const writeRunConfig = (folder: string, config: RunConfig): Promise<void> =>
  writeFileAtomic(runFiles(folder).config, formatRunConfig(config))

/** Opens a run's folder. Throws UserError if a file is missing or damaged, or does not fit the others. */
export async function openRun(folder: string): Promise<TrainedCaptioner> {
  const files = runFiles(folder)
  const config = withOwnNetworks(await readRunConfig(folder), folder)
  const vocabulary = Vocabulary.fromJSON(await readJson(files.vocabulary, 'vocabulary'), files.vocabulary)
  const { tensors } = await readSafetensors(files.weights, 'weights')
  const detector = usesConcepts(config.model) ? await readDetector(files.concepts) : undefined
  const calibration = existsSync(files.calibration)
    ? parseCalibration(await readJson(files.calibration, 'calibration'), files.calibration)
    : undefined
  const weights = { tensors, path: files.weights }
  return assembleCaptioner({ name: folder, config, vocabulary, weights, detector, calibration })
}

/** The configuration with the paths of networks that lie in the run's folder, as `mia export --web` puts them there. */
function withOwnNetworks(config: RunConfig, folder: string): RunConfig {
  const { features } = config
  const placed = <T extends { readonly file: string }>(network: T): T => {
    const own = join(folder, network.file)
    const isInside = !isAbsolute(network.file) && !network.file.split(/[\\/]/).includes('..')
    return isInside && existsSync(own) && statSync(own).isFile() ? { ...network, file: own } : network
  }
  if (features.kind === 'bottom-up') return config
  const network = placed(features.network)
  if (features.kind === 'grid') return { ...config, features: { ...features, network } }
  return { ...config, features: { ...features, network, detector: placed(features.detector) } }
}

/** Writes `calibration.json` of a packaged captioner's folder. */
export const writeCalibration = (folder: string, calibration: Calibration): Promise<void> =>
  writeFileAtomic(runFiles(folder).calibration, formatCalibration(calibration))
