import { resolve } from 'node:path'
import type { CaptionAllOptions } from '../caption/caption-options.ts'
import type { Captioner } from '../caption/captioner.ts'
import type { Captions, ImageCaption } from '../caption/photo-caption.ts'
import type { SkippedImage } from '../caption/photo-reader.ts'
import { amongShards } from '../disk/shard-results.ts'
import type { Communicator } from '../distributed/communicator.ts'
import { amongRanks, type Part, type Sharing, shareIn } from '../distributed/sharing.ts'
import { Team } from '../distributed/team.ts'
import type { ImageInput } from '../engine/pictures.ts'
import { UsageError } from '../errors.ts'

/** Who captions images together. */
export interface TogetherOptions {
  readonly ranks: Communicator
  readonly shard: Part | undefined
  /** the file that the captions are written to, if any */
  readonly out: string | undefined
  readonly signal: AbortSignal
}

/**
 * How ranks or shards share out images, undefined for a process that is alone. Throws UsageError for shards that write
 * to no common file, where nothing could put their captions together.
 */
export function captionSharing(
  { ranks, shard, out, signal }: TogetherOptions,
  recipe: readonly unknown[],
): Sharing | undefined {
  if (ranks.size > 1) return amongRanks(new Team(ranks, signal))
  if (!shard) return undefined
  if (out === undefined)
    throw new UsageError(
      'Cannot use --shard without a file that has all captions: give --write csv, jsonl or coco, and --out',
    )
  return amongShards(shard, { target: resolve(out), recipe, signal })
}

/** Captions images like captionAll(), shared out: undefined where the parts are not put together. */
export async function captionTogether(
  captioner: Captioner,
  images: readonly ImageInput[],
  options: CaptionAllOptions,
  sharing: Sharing,
): Promise<Captions<ImageCaption> | undefined> {
  const { start, end } = shareIn(sharing, images.length, 1)
  const parts = await sharing.collect(async (signal) => {
    const { captions, skipped } = await captioner.captionAll(images.slice(start, end), {
      ...options,
      ...(signal && { signal }),
    })
    const placed = <T extends { readonly index: number }>(each: T): T => ({ ...each, index: each.index + start })
    return { captions: captions.map(placed), skipped: skipped.map(placed) }
  })
  return (
    parts && {
      captions: parts.flatMap(({ captions }) => captions),
      skipped: parts.flatMap(({ skipped }) => skipped),
    }
  )
}

/** Captions that are made, as a captioner would make them one after the other. */
export function asCaptioner(
  images: readonly ImageInput[],
  { captions, skipped }: Captions<ImageCaption>,
): Pick<Captioner, 'captionEach'> {
  const made = new Map<ImageInput, ImageCaption | SkippedImage>()
  for (const each of [...captions, ...skipped]) made.set(images[each.index]!, each)
  return {
    async *captionEach(wanted: readonly ImageInput[]) {
      for (const [index, image] of wanted.entries()) yield { ...made.get(image)!, index }
    },
  } as Pick<Captioner, 'captionEach'>
}
