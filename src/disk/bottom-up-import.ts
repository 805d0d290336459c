import { visible } from '../annotations/visible.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import type { Extraction, ImageFile, SkippedFile } from '../vision/extract-features.ts'
import type { FeatureSource } from '../vision/feature-source.ts'
import { type BottomUpPicture, firstBottomUpId, MOST_REGIONS, readBottomUp } from './bottom-up.ts'
import { FeatureWriter } from './feature-writer.ts'

/** Number of pictures that are read to learn how many regions and numbers the features have. */
const PEEK = 20
/** Pictures of a shard: up to 100 regions of 2,048 float16 numbers each make 52 MB. */
const SHARD_SIZE = 128

/**
 * Stores the published bottom-up features of images in a folder of features; see readBottomUp() for `path`. Images
 * whose features are damaged or missing are skipped and named in the result. After an abort the same call resumes.
 * Throws UserError if `path` has features of none of the images.
 */
export async function importBottomUp(
  path: string,
  folder: string,
  { images, onProgress, signal }: { readonly images: readonly ImageFile[] } & Watch,
): Promise<Extraction & { readonly source: FeatureSource }> {
  const files = new Map(images.map(({ id, path: file }) => [id, file]))
  const wanted = new Set(files.keys())
  const source = await peek(path, wanted)
  const store = await FeatureWriter.open(folder, source, { shardSize: SHARD_SIZE })
  try {
    const missing = new Set([...files.keys()].filter((id) => !store.has(id)))
    const kept = files.size - missing.size
    const reasons = new Map<string, string>()
    let made = 0
    for await (const picture of readBottomUp(path, wanted, missing)) {
      signal?.throwIfAborted()
      const reason = picture.reason ?? misfit(picture, source)
      if (reason !== undefined) reasons.set(picture.id, reason)
      else if (!store.has(picture.id)) {
        await store.add(picture.id, { features: picture.features! })
        missing.delete(picture.id)
        reasons.delete(picture.id)
        made += 1
        onProgress?.(kept + made, files.size)
      }
    }
    for (const id of missing) if (!reasons.has(id)) reasons.set(id, `"${path}" has no regions of it`)
    const skipped: SkippedFile[] = [...reasons].map(([id, reason]) => ({ id, file: files.get(id) ?? path, reason }))
    for (const image of skipped) if (files.has(image.id)) store.skip(image)
    return { made, kept, skipped, source }
  } finally {
    await store.close()
  }
}

/**
 * The source of the features, from the first pictures: either all have as many regions, as in the sets of 36, or up to
 * 100.
 */
async function peek(path: string, wanted: ReadonlySet<string>): Promise<FeatureSource> {
  const counts = new Map<number, number[]>() // of regions, by the size of a feature
  let peeked = 0
  let reason: string | undefined
  for await (const picture of readBottomUp(path, wanted)) {
    reason ??= picture.reason
    if (!picture.features) continue
    counts.set(picture.size, [...(counts.get(picture.size) ?? []), picture.features.length / picture.size])
    if (++peeked === PEEK) break
  }
  const [commonest] = [...counts].sort(([, a], [, b]) => b.length - a.length) // the first picture may be the odd one
  if (!commonest) {
    const [asked] = wanted
    const given = reason === undefined ? await firstBottomUpId(path) : undefined
    const ids = given === undefined ? '' : `: it has "${visible(given)}", the dataset has "${visible(asked ?? '')}"`
    throw new UserError(
      `Cannot use bottom-up features "${path}": it has features of none of the ${wanted.size} pictures of the dataset` +
        (reason === undefined ? ids : `; the first is damaged: ${reason}`),
    )
  }
  const [size, regions] = commonest
  const equal = regions.length === PEEK && regions.every((count) => count === regions[0])
  return { kind: 'bottom-up', regions: equal ? regions[0]! : MOST_REGIONS, size }
}

/** How a picture's features differ from those of the others; undefined if they do not. */
function misfit(picture: BottomUpPicture, { size, regions }: FeatureSource): string | undefined {
  if (!picture.features) return undefined
  if (picture.size !== size) return `its features have ${picture.size} numbers, those of the other pictures ${size}`
  const count = picture.features.length / size
  return count > regions ? `it has ${count} regions, the first pictures ${regions} each` : undefined
}
