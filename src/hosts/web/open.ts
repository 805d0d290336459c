import { Captioner } from '../../caption/captioner.ts'
import { parseRunConfig } from '../../caption/run-config.ts'
import { parseCalibration } from '../../caption/stored-calibration.ts'
import { parseDetector } from '../../caption/stored-detector.ts'
import { assembleCaptioner, type TrainedCaptioner } from '../../caption/trained-captioner.ts'
import { WEB_FILES } from '../../caption/web-index.ts'
import type { Assets } from '../../engine/assets.ts'
import { UserError } from '../../errors.ts'
import { parseSafetensors } from '../../formats/safetensors.ts'
import { Vocabulary } from '../../text/vocabulary.ts'
import { webPictures } from './pictures.ts'
import type { WebRuntime } from './runtime.ts'

/** The files of a captioner by path, as `mia export --web` wrote them. */
type Files = ReadonlyMap<string, Uint8Array>

/**
 * Opens a captioner from its files; `name` is its address, for errors. Throws UserError if one is missing or damaged,
 * or they do not fit each other.
 */
export function openFiles(runtime: WebRuntime, name: string, files: Files): Promise<Captioner> {
  return Captioner.open({ runtime, pictures: webPictures, assets: assetsOf(name, files) }, assemble(name, files))
}

function assemble(name: string, files: Files): TrainedCaptioner {
  const json = (path: string): unknown => {
    try {
      return JSON.parse(new TextDecoder().decode(fileOf(name, files, path)))
    } catch (error) {
      if (error instanceof UserError) throw error
      throw new UserError(`Cannot read "${path}" of "${name}": it is not JSON`)
    }
  }
  const tensors = (path: string) => ({
    tensors: parseSafetensors(fileOf(name, files, path), `"${path}"`).tensors,
    path,
  })
  return assembleCaptioner({
    name,
    config: parseRunConfig(json(WEB_FILES.config), WEB_FILES.config),
    vocabulary: Vocabulary.fromJSON(json(WEB_FILES.vocabulary), WEB_FILES.vocabulary),
    weights: tensors(WEB_FILES.weights),
    detector: files.has(WEB_FILES.detector)
      ? parseDetector({ value: json(WEB_FILES.detector), path: WEB_FILES.detector }, tensors(WEB_FILES.detectorWeights))
      : undefined,
    calibration: files.has(WEB_FILES.calibration)
      ? parseCalibration(json(WEB_FILES.calibration), WEB_FILES.calibration)
      : undefined,
  })
}

function fileOf(name: string, files: Files, path: string): Uint8Array {
  const bytes = files.get(path)
  if (bytes) return bytes
  throw new UserError(`Cannot use "${name}": ${path} is missing; export it again with "mia export --web"`)
}

/** The networks' files as the engine's assets. Translated networks are not kept: a page translates one in a moment. */
const assetsOf = (name: string, files: Files): Assets => ({
  read: async (path) => fileOf(name, files, path),
  sibling: async (_, path) => files.get(`${WEB_FILES.networks}/${path.replace(/^(\.\.\/)+/, '')}`),
  resolve: (path) => path,
  builtin: async (file) => fileOf(name, files, `${WEB_FILES.networks}/${file}`),
  cached: (_, make) => make(),
})
