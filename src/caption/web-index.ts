import * as v from 'valibot'
import { COUNT, validate } from '../validate.ts'

const FORMAT = 'mia-web/1'
const PATH = v.pipe(v.string(), v.regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\\:?#]+$/, 'a path inside the folder'))
const SCHEMA = v.object({
  format: v.literal(FORMAT),
  /** the basic model, whether it has MIA, and the name of its training data */
  model: v.object({ basicModel: v.string(), mia: v.boolean(), trainedOn: v.string() }),
  /** the terms of use of the training data, in a sentence */
  terms: v.optional(v.string()),
  files: v.array(
    v.object({
      /** from the folder of the index, with "/" between folders */
      path: PATH,
      bytes: COUNT,
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')),
    }),
  ),
  /** the same model trained without MIA, to compare with: a captioner in a folder of its own inside this one */
  withoutMia: v.optional(
    v.object({
      folder: PATH,
      /** what a page fetches for it: its files without those that are also in `files` */
      bytes: COUNT,
    }),
  ),
})

/** The list of a captioner's files for a page, `index.json` in their folder: size and SHA-256 of each. */
export type WebIndex = Omit<v.InferOutput<typeof SCHEMA>, 'format'>

/** The name of the list. */
export const WEB_INDEX = 'index.json'

/** The paths of a captioner's files in a folder for a page. */
export const WEB_FILES = {
  config: 'config.json',
  vocabulary: 'vocabulary.json',
  weights: 'weights.safetensors',
  detector: 'concepts/detector.json',
  detectorWeights: 'concepts/detector.safetensors',
  /** of calibrated captioners alone */
  calibration: 'calibration.json',
  /** the folder of the networks' files */
  networks: 'networks',
  /** the folder of the captioner without MIA, if there is one to compare with */
  withoutMia: 'without-mia',
} as const

/**
 * The list from parsed JSON; `path` names its file in errors. Throws UserError, naming the field, for any other value.
 */
export function parseWebIndex(value: unknown, path: string): WebIndex {
  const { format: _, ...index } = validate(SCHEMA, value, path, 'make the folder again with "mia export --web"')
  return index
}

/** The list as the JSON that parseWebIndex() reads. */
export const formatWebIndex = (index: WebIndex): string => `${JSON.stringify({ format: FORMAT, ...index }, null, 2)}\n`
