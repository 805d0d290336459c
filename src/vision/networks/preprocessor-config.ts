import * as v from 'valibot'
import { UserError } from '../../errors.ts'
import type { Normalisation } from '../preprocessing.ts'

/** The name of the file in which Hugging Face keeps a network's preprocessing. */
export const PREPROCESSOR_CONFIG = 'preprocessor_config.json'

/** Far beyond any network, so that a damaged size cannot ask for more memory than there is. */
const MOST_SIDE = 16_384
const side = v.pipe(v.number(), v.integer(), v.minValue(1))
const sizes = v.union([
  side,
  v.object({ height: side, width: side }),
  v.pipe(
    v.object({ shortest_edge: side }),
    v.transform(({ shortest_edge }) => shortest_edge),
  ),
])
const finite = v.pipe(v.number(), v.finite()) // JSON.parse reads 1e400 as infinite
const perChannel = v.tuple([finite, finite, finite])
const deviations = v.pipe(
  perChannel,
  v.check((std) => std.every((each) => each !== 0), 'expected no zeros'),
)
const flag = v.nullish(v.boolean())

/** The fields that make a difference to the values of pixels; others are ignored. */
const SCHEMA = v.object({
  image_processor_type: v.nullish(v.string()),
  // other forms than these, such as longest_edge, do not say the size of the network's input
  size: v.optional(v.fallback(v.nullish(sizes), null)),
  crop_size: v.optional(v.fallback(v.nullish(sizes), null)),
  do_resize: flag,
  do_center_crop: flag,
  do_rescale: flag,
  rescale_factor: v.nullish(v.pipe(finite, v.gtValue(0))),
  rescale_offset: flag,
  do_normalize: flag,
  image_mean: v.nullish(perChannel),
  image_std: v.nullish(deviations),
  include_top: flag,
  do_flip_channel_order: flag,
})

/** How a network's images are made, as its preprocessor_config.json says. */
export interface PreprocessorConfig {
  /** undefined if the file does not say it */
  readonly size: { readonly width: number; readonly height: number } | undefined
  readonly normalisation: Normalisation
}

/**
 * Reads a preprocessor_config.json. Pictures are resized to the size that the network sees, whole and ignoring their
 * aspect ratio: the crop of the centre, the aspect ratio and the filter of the resizing that it asks for are ignored.
 * Throws UserError, naming `file`, if it is not such a file.
 */
export function preprocessorConfig(bytes: Uint8Array, file: string): PreprocessorConfig {
  const fail = (why: string): never => {
    throw new UserError(
      `Cannot read "${file}": ${why}; mend it, or move it away and say with --normalisation how pixels are normalised`,
    )
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    return fail(`it is not JSON (${(error as Error).message})`)
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return fail('it is not an object')
  const { success, output, issues } = v.safeParse(SCHEMA, json)
  if (!success) return fail(`"${v.getDotPath(issues[0]) ?? 'it'}" is wrong: ${issues[0].message}`)
  const crop = output.do_center_crop === false ? undefined : output.crop_size
  const seen = crop ?? (output.do_resize === false ? undefined : output.size)
  const size = typeof seen === 'number' ? { width: seen, height: seen } : seen
  if (size && Math.max(size.width, size.height) > MOST_SIDE)
    return fail(`it asks for images of ${size.width} x ${size.height}, and ${MOST_SIDE} pixels a side is the most`)
  return { size: size ?? undefined, normalisation: normalisation(output) }
}

/** `((value * factor - offset) - mean) / std` in the form `(value / 255 - mean) / std`. */
function normalisation(config: v.InferOutput<typeof SCHEMA>): Normalisation {
  const factor = config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255)
  const offset = config.rescale_offset ? 1 : 0
  const normalised = config.do_normalize !== false && config.image_mean && config.image_std
  const mean = normalised ? config.image_mean! : [0, 0, 0]
  const std = normalised ? config.image_std! : [1, 1, 1]
  // EfficientNet's processor of transformers divides by the deviation twice unless include_top is false
  const twice = /EfficientNet/.test(config.image_processor_type ?? '') && config.include_top !== false
  const scale = 255 * factor
  const each = (of: (channel: number) => number): [number, number, number] => [
    rounded(of(0)),
    rounded(of(1)),
    rounded(of(2)),
  ]
  return {
    channels: config.do_flip_channel_order ? 'BGR' : 'RGB',
    mean: each((channel) => (mean[channel]! + offset) / scale),
    std: each((channel) => (twice ? std[channel]! ** 2 : std[channel]!) / scale),
  }
}

/** Without the noise of 255 * 0.00392156862745098, so that equal preprocessing is written equally. */
const rounded = (value: number): number => Number(value.toPrecision(12))
