import type { Pictures } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import type { Extraction, ImageFile } from '../vision/extract-features.ts'
import type { FeatureSource } from '../vision/feature-source.ts'
import { type BottomUpPicture, readBottomUp, type SizeOf } from './bottom-up.ts'
import { FeatureWriter } from './feature-writer.ts'

/** Pictures looked at to learn the sizes. */
const PEEK = 20
/** The most regions of a picture where they are as many as the picture needs. */
const ADAPTIVE_MOST = 100

/**
 * Stores the published bottom-up features of images, from a TSV file or a folder: see readBottomUp(). What is damaged or missing is left out and
 * named in the result. Stopped by the signal, it may be called again and goes on. Throws UserError where no image has any.
 */
export async function importBottomUp(
  path: string,
  folder: string,
  {
    images,
    pictures,
    onProgress,
    signal,
  }: { readonly images: readonly ImageFile[]; readonly pictures: Pictures } & Watch,
): Promise<Extraction & { readonly source: FeatureSource }> {
  const files = new Map(images.map(({ id, path: file }) => [id, file]))
  const sizeOf: SizeOf = (id) => pictures.size(files.get(id)!).catch(() => undefined)
  const source = await peek(path, new Set(files.keys()))
  const store = await FeatureWriter.open(folder, source, { shardSize: 128 })
  const missing = new Set([...files.keys()].filter((id) => !store.has(id)))
  const kept = files.size - missing.size
  const refused = new Map<string, string>()
  let made = 0
  try {
    for await (const picture of readBottomUp(path, missing, sizeOf)) {
      signal?.throwIfAborted()
      const why = picture.why ?? misfit(picture, source)
      if (why !== undefined) refused.set(picture.id, why)
      else if (!store.has(picture.id)) {
        await store.add(picture.id, picture.regions!)
        missing.delete(picture.id)
        refused.delete(picture.id)
        made += 1
        onProgress?.(kept + made, files.size)
      }
    }
    for (const id of missing) if (!refused.has(id)) refused.set(id, `"${path}" has no regions of it`)
    const leftOut = [...refused].map(([id, why]) => ({ id, file: files.get(id) ?? path, why }))
    for (const image of leftOut) if (files.has(image.id)) store.leaveOut(image)
    return { made, kept, leftOut, source }
  } finally {
    await store.close()
  }
}

/** What the features are like, from the first pictures: as many regions each, as in the sets of 36, or as many as each needs, up to 100. */
async function peek(path: string, wanted: ReadonlySet<string>): Promise<FeatureSource> {
  const sizes = new Map<number, number[]>()
  let peeked = 0
  let why: string | undefined
  for await (const picture of readBottomUp(path, wanted, async () => undefined)) {
    // boxes are of no interest yet: no picture is opened for them
    why ??= picture.why
    if (!picture.regions) continue
    const counts = sizes.get(picture.size) ?? []
    counts.push(picture.regions.features.length / picture.size)
    sizes.set(picture.size, counts)
    if (++peeked === PEEK) break
  }
  const [commonest] = [...sizes].sort(([, a], [, b]) => b.length - a.length) // the first may be the one that is damaged
  if (!commonest)
    throw new UserError(
      `Cannot use bottom-up features "${path}": they are of none of the ${wanted.size} pictures of the dataset${why === undefined ? '' : `; the first: ${why}`}`,
    )
  const [size, counts] = commonest
  const equal = counts.length === PEEK && counts.every((count) => count === counts[0])
  return { kind: 'bottom-up', regions: equal ? counts[0]! : ADAPTIVE_MOST, size }
}

/** Why a picture's regions are not like the others'. */
function misfit(picture: BottomUpPicture, { size, regions }: FeatureSource): string | undefined {
  if (!picture.regions) return undefined
  if (picture.size !== size) return `its features have ${picture.size} numbers, those of the other pictures ${size}`
  const count = picture.regions.features.length / size
  return count > regions ? `it has ${count} regions, the first pictures ${regions} each` : undefined
}
