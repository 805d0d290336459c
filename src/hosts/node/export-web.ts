import { basename, join } from 'node:path'
import { openFeatureExtractor } from '../../caption/feature-extractor.ts'
import { formatRunConfig } from '../../caption/run-config.ts'
import { formatDetector } from '../../caption/stored-detector.ts'
import type { TrainedCaptioner } from '../../caption/trained-captioner.ts'
import { formatWebIndex, WEB_FILES, WEB_INDEX } from '../../caption/web-index.ts'
import { compactWeights } from '../../caption/weights.ts'
import { readBytes, writeFileAtomic } from '../../disk/files.ts'
import { openRun, runFiles } from '../../disk/run.ts'
import type { Engine } from '../../engine/engine.ts'
import { UserError } from '../../errors.ts'
import { serializeSafetensors } from '../../formats/safetensors.ts'
import { sha256 } from '../../formats/sha256.ts'
import type { FeatureSource } from '../../vision/feature-source.ts'
import { isPackaged } from '../../vision/open.ts'
import { nodeEngine } from './engine.ts'
import { checkEmpty, type ExportRunOptions, termsOf, type WrittenFile } from './export-run.ts'
import { PRETRAINED } from './pretrained.ts'

/** The most that a page should fetch before its first caption, without the engine. */
const MAX_BYTES = 20_000_000
/** Of those, bytes for the list and the header of the weights' file. */
const RESERVED_BYTES = 50_000

/**
 * Writes a run as the files that a page fetches (webFiles()). Returns them, `index.json` last: a folder that has it is
 * complete. Throws UserError if the folder is not empty, and as webFiles() does.
 */
export async function exportWeb({ out, ...options }: ExportRunOptions): Promise<WrittenFile[]> {
  await checkEmpty(out)
  const files = await webFiles(options)
  for (const [path, bytes] of files) await writeFileAtomic(join(out, path), bytes)
  return [...files].map(([path, { length }]) => ({ path, bytes: length }))
}

/**
 * A run as the files that a page fetches, by path: configuration, vocabulary, concept detector, the files of the
 * networks, and `index.json` with size and SHA-256 of each, which is last. Weights are float16; of the captioner's, so
 * many are int8 that all files have at most 20 MB (the detector's stay float16: it ranks concepts, and the least change
 * of their order changes captions). The folder is also a run that `mia caption --run` reads. Throws UserError as
 * openRun() does, if a network is missing or is not the one of training, for bottom-up features, and if all files
 * together have more than 20 MB.
 */
export async function webFiles({
  run = PRETRAINED,
  cnn,
}: Omit<ExportRunOptions, 'out'> = {}): Promise<Map<string, Uint8Array>> {
  const captioner = await openRun(run)
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
  const left = MAX_BYTES - RESERVED_BYTES - totalBytes(files)
  files.set(WEB_FILES.weights, joined(serializeSafetensors(compactWeights(weights, left))))
  checkSize(run, files)
  const terms = await termsOf(run)
  const listed = [...files].map(async ([path, bytes]) => ({ path, bytes: bytes.length, sha256: await sha256(bytes) }))
  const index = {
    model: { basicModel: config.model.basicModel, mia: config.model.mia, trainedOn: config.data.name },
    ...(terms !== undefined && { terms }),
    files: await Promise.all(listed),
  }
  return files.set(WEB_INDEX, text(formatWebIndex(index)))
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
