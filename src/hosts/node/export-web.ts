import { basename } from 'node:path'
import { openFeatureExtractor } from '../../caption/feature-extractor.ts'
import { formatRunConfig, type RunConfig } from '../../caption/run-config.ts'
import { formatCalibration } from '../../caption/stored-calibration.ts'
import { formatDetector } from '../../caption/stored-detector.ts'
import type { TrainedCaptioner } from '../../caption/trained-captioner.ts'
import { formatWebIndex, WEB_FILES, WEB_INDEX, type WebIndex } from '../../caption/web-index.ts'
import { compactWeights } from '../../caption/weights.ts'
import { readBytes } from '../../disk/files.ts'
import { openRun, readRunConfig, runFiles } from '../../disk/run.ts'
import type { Engine } from '../../engine/engine.ts'
import { UserError } from '../../errors.ts'
import { serializeSafetensors } from '../../formats/safetensors.ts'
import { sha256 } from '../../formats/sha256.ts'
import { describeSource, type FeatureSource, sameSource } from '../../vision/feature-source.ts'
import { isPackaged } from '../../vision/open.ts'
import { nodeEngine } from './engine.ts'
import { checkEmpty, type WrittenFile, writeExport } from './export-folder.ts'
import { type ExportRunOptions, termsOf } from './export-run.ts'
import { PRETRAINED } from './pretrained.ts'

/** The most that a page should fetch before its first caption, without the engine. */
const MAX_BYTES = 20_000_000
/** Of those, bytes for the list and the header of the weights' file. */
const RESERVED_BYTES = 50_000

/** Which captioner is exported for a page, and to where. */
export interface ExportWebOptions extends ExportRunOptions {
  /** the run of the same model trained without MIA, if the page is to show both captions side by side */
  readonly withoutMia?: string
}

/**
 * Writes a run as the files that a page fetches (webFiles()). Returns them, `index.json` last: a folder that has it is
 * complete. Killed, the same call writes it anew. Throws UserError if the folder has other files, and as webFiles()
 * does.
 */
export async function exportWeb({ out, ...options }: ExportWebOptions): Promise<WrittenFile[]> {
  const recipe = { export: 'web', run: PRETRAINED, ...options }
  await checkEmpty(out, recipe)
  const files = await webFiles(options)
  return writeExport(out, recipe, files)
}

/**
 * A run as the files that a page fetches, by path: configuration, vocabulary, concept detector, the files of the
 * networks, and `index.json` with size and SHA-256 of each, which is last. Weights are float16; of the captioner's, so
 * many are int8 that all files have at most 20 MB (the detector's stay float16: it ranks concepts, and the least change
 * of their order changes captions). The folder is also a run that `mia caption --run` reads. The run `withoutMia` gets
 * the same files in the folder `without-mia`, at most 20 MB again: a page fetches them when asked to. Throws
 * UserError as openRun() does, if a network is missing or is not the one of training, for bottom-up features, if all
 * files of a run together have more than 20 MB, and if the two runs differ in more than MIA.
 */
export async function webFiles({
  run = PRETRAINED,
  cnn,
  withoutMia,
}: Omit<ExportWebOptions, 'out'> = {}): Promise<Map<string, Uint8Array>> {
  const captioner = await openRun(run)
  if (withoutMia !== undefined)
    checkComparable({ run, config: captioner.config }, { run: withoutMia, config: await readRunConfig(withoutMia) })
  const networks = await networkFiles(captioner, cnn)
  const features = withWebPaths(captioner.config.features)
  const { config, detector, weights } = captioner
  const files = new Map<string, Uint8Array>([
    [WEB_FILES.config, text(formatRunConfig({ ...config, features, data: { name: config.data.name, folder: '' } }))],
    [WEB_FILES.vocabulary, await readBytes(runFiles(run).vocabulary, 'vocabulary')],
    ...networks,
  ])
  if (detector) {
    files.set(WEB_FILES.detector, text(formatDetector({ ...detector.info, features })))
    files.set(WEB_FILES.detectorWeights, joined(serializeSafetensors(compactWeights(detector.weights))))
  }
  if (captioner.calibration) files.set(WEB_FILES.calibration, text(formatCalibration(captioner.calibration)))
  const left = MAX_BYTES - RESERVED_BYTES - totalBytes(files)
  files.set(WEB_FILES.weights, joined(serializeSafetensors(compactWeights(weights, left))))
  checkSize(run, files)
  const terms = await termsOf(run)
  const listed = [...files].map(async ([path, bytes]) => ({ path, bytes: bytes.length, sha256: await sha256(bytes) }))
  const index: WebIndex = {
    model: { basicModel: config.model.basicModel, mia: config.model.mia, trainedOn: config.data.name },
    ...(terms !== undefined && { terms }),
    files: await Promise.all(listed),
  }
  if (withoutMia === undefined) return files.set(WEB_INDEX, text(formatWebIndex(index)))
  const other = await webFiles({ run: withoutMia, ...(cnn !== undefined && { cnn }) })
  const known = new Set(index.files.map(({ sha256 }) => sha256))
  let bytes = 0
  for (const [path, content] of other) {
    if (!known.has(await sha256(content))) bytes += content.length
    files.set(`${WEB_FILES.withoutMia}/${path}`, content)
  }
  const complete = { ...index, withoutMia: { folder: WEB_FILES.withoutMia, bytes } }
  return files.set(WEB_INDEX, text(formatWebIndex(complete)))
}

/** A run and its configuration. */
interface ConfiguredRun {
  readonly run: string
  readonly config: RunConfig
}

/** Throws UserError unless the second run has the first one's model, data and features, but no MIA. */
function checkComparable({ run, config: a }: ConfiguredRun, { run: other, config: b }: ConfiguredRun): void {
  const fail = (why: string, advice: string): never => {
    throw new UserError(`Cannot compare run "${run}" with "${other}": ${why}; ${advice}`)
  }
  if (!a.model.mia) fail(`"${run}" was trained without MIA`, 'give one with MIA as --run')
  if (b.model.mia) fail(`"${other}" was trained with MIA`, 'give one without as --without-mia')
  const advice = 'a comparison shows what MIA does only if nothing else differs'
  if (a.model.basicModel !== b.model.basicModel)
    fail(`their models are ${a.model.basicModel} and ${b.model.basicModel}`, advice)
  if (a.data.name !== b.data.name) fail(`they were trained on ${a.data.name} and ${b.data.name}`, advice)
  if (!sameSource(a.features, b.features))
    fail(`their features are ${describeSource(a.features)} and ${describeSource(b.features)}`, advice)
}

/**
 * All files that opening a captioner's networks reads. They are opened with assets that remember what is read, so that
 * this knows nothing of the kinds of networks, and a network that differs from that of training is refused.
 */
async function networkFiles(captioner: TrainedCaptioner, cnn: string | undefined): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const keep = (path: string, bytes: Uint8Array): Uint8Array => {
    const place = `${WEB_FILES.networks}/${path.replace(/^(\.\.\/)+/, '')}`
    const known = files.get(place)
    if (known && Buffer.compare(known, bytes) !== 0)
      throw new UserError(
        `Cannot export run "${captioner.name}": two different files are called "${basename(path)}"; rename one of them`,
      )
    files.set(place, bytes)
    return bytes
  }
  const { assets } = nodeEngine
  const recording: Engine['assets'] = {
    ...assets,
    read: async (name, what) => keep(basename(name), await assets.read(name, what)),
    sibling: async (name, path, what) => {
      const bytes = await assets.sibling(name, path, what)
      return bytes && keep(path, bytes)
    },
    builtin: async (file) => keep(file, await assets.builtin(file)),
  }
  const options = cnn === undefined ? {} : { cnn }
  const extractor = await openFeatureExtractor({ ...nodeEngine, assets: recording }, captioner, options)
  extractor.release()
  return files
}

/** A source whose networks lie in the folder for the page. */
function withWebPaths(source: FeatureSource): FeatureSource {
  const placed = <T extends { readonly file: string }>(network: T): T => ({
    ...network,
    file: isPackaged(network.file) ? network.file : `${WEB_FILES.networks}/${basename(network.file)}`,
  })
  if (!('network' in source)) return source
  const network = placed(source.network)
  return 'detector' in source ? { ...source, network, detector: placed(source.detector) } : { ...source, network }
}

function checkSize(run: string, files: ReadonlyMap<string, Uint8Array>): void {
  const bytes = totalBytes(files)
  if (bytes <= MAX_BYTES) return
  const megabytes = (count: number): string => `${(count / 1e6).toFixed(1)} MB`
  const largest = [...files].sort(([, a], [, b]) => b.length - a.length).slice(0, 3)
  throw new UserError(
    `Cannot export run "${run}" for a page: its files have ${megabytes(bytes)}, and a page may fetch ` +
      `${megabytes(MAX_BYTES)} (${largest.map(([path, { length }]) => `${path} ${megabytes(length)}`).join(', ')}); ` +
      'train a smaller model, or use a smaller network',
  )
}

const totalBytes = (files: ReadonlyMap<string, Uint8Array>): number =>
  [...files.values()].reduce((sum, { length }) => sum + length, 0)

const text = (content: string): Uint8Array => new TextEncoder().encode(content)

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
