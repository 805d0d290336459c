import * as v from 'valibot'
import type { ImageInput, Pictures } from '../../engine/pictures.ts'
import { UserError } from '../../errors.ts'
import { describeIssue } from '../../validate.ts'
import { type Normalisation, normalise } from '../../vision/preprocessing.ts'
import { resizeBicubic } from './bicubic.ts'

const side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))
const edge = v.union([
  side,
  v.pipe(
    v.object({ shortest_edge: side }),
    v.transform(({ shortest_edge }) => shortest_edge),
  ),
  v.pipe(
    v.object({ height: side, width: side }),
    v.check(({ height, width }) => height === width, 'expected a square'),
    v.transform(({ width }) => width),
  ),
])
const perChannel = v.tuple([v.number(), v.number(), v.number()])
const SCHEMA = v.object({
  size: v.optional(edge, 224),
  crop_size: v.optional(edge, 224),
  image_mean: v.optional(perChannel, [0.48145466, 0.4578275, 0.40821073]),
  image_std: v.optional(
    v.pipe(
      perChannel,
      v.check((std) => std.every((each) => each > 0), 'expected positive numbers'),
    ),
    [0.26862954, 0.26130258, 0.27577711],
  ),
})

/** How CLIP's pictures are made: resized to a shortest side of `shortest`, cropped to the central square of `crop`. */
export interface ClipPreprocessing {
  readonly shortest: number
  readonly crop: number
  readonly normalisation: Normalisation
}

/**
 * Reads CLIP's preprocessor_config.json. Fields that it lacks have the values of OpenAI's CLIP. Throws UserError,
 * naming `path`, if it is not such a file.
 */
export function clipPreprocessing(json: unknown, path: string): ClipPreprocessing {
  const { success, output, issues } = v.safeParse(SCHEMA, json)
  if (!success) throw new UserError(`Cannot read CLIP's "${path}": ${describeIssue(issues[0])}`)
  if (output.crop_size > output.size)
    throw new UserError(
      `Cannot read CLIP's "${path}": it crops ${output.crop_size} pixels out of ${output.size}; crop_size must not exceed size`,
    )
  const normalisation = { channels: 'RGB', mean: output.image_mean, std: output.image_std } as const
  return { shortest: output.size, crop: output.crop_size, normalisation }
}

/** Pictures with a shorter side of more than this multiple of the wanted one are first shrunk to it while decoding. */
const MAX_OVERSIZE = 8

/** A picture as CLIP's input, `[3, crop, crop]`, flattened. PIL's bicubic filter resizes it, as in OpenAI's code. */
export async function clipInput(
  pictures: Pictures,
  picture: ImageInput,
  { shortest, crop, normalisation }: ClipPreprocessing,
): Promise<Float32Array> {
  const full = await pictures.size(picture)
  const shrink = Math.min(1, (MAX_OVERSIZE * shortest) / Math.min(full.width, full.height))
  const width = Math.max(1, Math.round(full.width * shrink))
  const height = Math.max(1, Math.round(full.height * shrink))
  const pixels = await pictures.decode(picture, { width, height })
  const longest = (a: number, b: number): number => (a <= b ? shortest : Math.trunc((shortest * a) / b))
  const [wide, high] = [longest(full.width, full.height), longest(full.height, full.width)]
  const window = { left: (wide - crop) >> 1, top: (high - crop) >> 1, width: crop, height: crop }
  const input = new Float32Array(3 * crop * crop)
  const square = resizeBicubic({ width, height, pixels }, wide, high, window)
  normalise(square, { width: crop, height: crop, ...normalisation }, input)
  return input
}
