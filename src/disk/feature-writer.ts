import { existsSync } from 'node:fs'
import { copyFile, link, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import type { FeatureSink, SkippedFile } from '../vision/extract-features.ts'
import { describeSource, type FeatureSource, hasBoxes, sameSource } from '../vision/feature-source.ts'
import { type FeatureIndex, indexFile, readIndex, type Shard, writeIndex } from './feature-index.ts'
import type { FeatureJournal } from './feature-journal.ts'
import { Lock } from './lock.ts'
import { openShard, writeShard } from './shard.ts'

/**
 * Writes features to a folder, shard by shard: first a shard, then a line of the journal that names it; the index, when
 * the writer is closed. After a kill, all but the shard in work is kept, and the next writer resumes there. The folder
 * is locked until the writer is closed.
 */
export class FeatureWriter implements FeatureSink {
  readonly #folder: string
  readonly #lock: Lock
  readonly #index: FeatureIndex
  readonly #journal: FeatureJournal
  readonly #stored: Set<string>
  readonly #skipped: Map<string, SkippedFile>
  readonly #shardSize: number
  /** the images of the shard in work */
  #images: { readonly id: string; readonly features: Uint16Array }[] = []
  /** the images that were skipped since the last line of the journal */
  #newlySkipped: SkippedFile[] = []
  readonly #names: Set<string>
  /** every lower number is in the name of a shard */
  #number = 0

  private constructor(
    folder: string,
    lock: Lock,
    { index, journal, shardSize }: { index: FeatureIndex; journal: FeatureJournal; shardSize: number },
  ) {
    this.#folder = folder
    this.#lock = lock
    this.#index = index
    this.#journal = journal
    this.#names = new Set(index.shards.map(({ file }) => file))
    this.#stored = new Set(index.shards.flatMap(({ ids }) => ids))
    this.#skipped = new Map(index.skipped.map((image) => [image.id, image]))
    this.#shardSize = shardSize
  }

  /**
   * Opens a folder of features, or begins one. Shards that are missing or damaged are dropped from the index: their
   * images count as not stored. `shardSize` is the number of images of a shard. Images of `elsewhere`, another folder,
   * count as stored. Throws UserError if a folder has features of another source, or another process writes to this
   * one.
   */
  static async open(
    folder: string,
    source: FeatureSource,
    { shardSize = 512, elsewhere }: { readonly shardSize?: number; readonly elsewhere?: string } = {},
  ): Promise<FeatureWriter> {
    const there = elsewhere === undefined ? undefined : await begunIndex(elsewhere, source)
    const lock = await Lock.take(join(folder, 'lock.json'), `features "${folder}"`)
    try {
      const index = await openIndex(folder, source)
      const journal = await writeIndex(folder, index)
      const writer = new FeatureWriter(folder, lock, { index, journal, shardSize })
      for (const { ids } of there?.shards ?? []) for (const id of ids) writer.#stored.add(id)
      return writer
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** The number of images that have features, those of the shard in work included. */
  get count(): number {
    return this.#stored.size
  }

  /** Whether an image has features. */
  has(id: string): boolean {
    return this.#stored.has(id)
  }

  /**
   * Adds the features of an image, float16 bits `[regions, size]`; they are copied. Throws RangeError if the image has
   * some already, or if the number of regions is not that of the source's grid, or not from 1 to its most boxes.
   */
  async add(id: string, { features }: { readonly features: Uint16Array }): Promise<void> {
    const { size, regions: most } = this.#index
    const count = features.length / size
    const right = hasBoxes(this.#index) ? Number.isInteger(count) && count >= 1 && count <= most : count === most
    if (!right)
      throw new RangeError(
        `Cannot add features of image "${id}": they are ${features.length} numbers and should be ` +
          (hasBoxes(this.#index) ? `1 to ${most} rows of ${size}` : `${most * size}`),
      )
    if (this.has(id)) throw new RangeError(`Cannot add features of image "${id}": it has some`)
    this.#images.push({ id, features: features.slice() })
    this.#stored.add(id)
    this.#skipped.delete(id)
    if (this.#images.length === this.#shardSize) await this.#record(await this.#finishShard())
  }

  /** Records that an image has no features, and why. A later writer may add them all the same. */
  skip(image: SkippedFile): void {
    this.#skipped.set(image.id, image)
    this.#newlySkipped.push(image)
  }

  /** Moves the features of another folder, of the same source, into this one, and removes it. */
  async take(folder: string): Promise<void> {
    const lock = await Lock.take(join(folder, 'lock.json'), `features "${folder}"`)
    try {
      const { shards, skipped } = await openIndex(folder, sourceOf(this.#index))
      for (const shard of shards) {
        if (shard.ids.every((id) => this.#stored.has(id))) continue // taken before a kill
        const taken = { ...shard, file: this.#unusedName() }
        await linkOrCopy(join(folder, shard.file), join(this.#folder, taken.file))
        for (const id of shard.ids) {
          this.#stored.add(id)
          this.#skipped.delete(id)
        }
        await this.#record(taken)
      }
      for (const image of skipped) if (!this.has(image.id)) this.skip(image)
      await this.#record()
    } finally {
      await lock.release()
    }
    await rm(folder, { recursive: true })
  }

  /** Writes the last shard and the index, and unlocks the folder. */
  async close(): Promise<void> {
    try {
      if (this.#images.length > 0) this.#keep(await this.#finishShard())
      await this.#journal.close()
      await writeIndex(this.#folder, { ...this.#index, skipped: [...this.#skipped.values()] })
    } finally {
      try {
        await this.#journal.close()
      } finally {
        await this.#lock.release()
      }
    }
  }

  /** Writes the images of the shard in work. */
  async #finishShard(): Promise<Shard> {
    const ids = this.#images.map(({ id }) => id)
    const features = this.#images.map((image) => image.features)
    const counts = features.map(({ length }) => length / this.#index.size)
    const shard = { file: this.#unusedName(), ids, ...(hasBoxes(this.#index) && { counts }) }
    await writeShard(this.#folder, shard, this.#index, features)
    this.#images = []
    return shard
  }

  /** Records a shard that is written, and the images that were skipped, in the journal. */
  async #record(shard?: Shard): Promise<void> {
    const skipped = this.#newlySkipped
    if (!shard && skipped.length === 0) return
    if (shard) this.#keep(shard)
    await this.#journal.append({ ...(shard && { shard }), ...(skipped.length > 0 && { skipped }) })
    this.#newlySkipped = []
  }

  #keep(shard: Shard): void {
    this.#index.shards.push(shard)
    this.#names.add(shard.file)
  }

  #unusedName(): string {
    const nameOf = (number: number): string => `shard-${String(number).padStart(5, '0')}.safetensors`
    while (this.#names.has(nameOf(this.#number))) this.#number++
    return nameOf(this.#number)
  }
}

/** A second name for a file, in place of any other file there: a kill leaves the first. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true })
  await link(from, to).catch(() => copyFile(from, to))
}

function sourceOf({ format: _, dtype: __, shards: ___, skipped: ____, ...source }: FeatureIndex): FeatureSource {
  return source
}

/** The index of a folder, undefined if it has none. Throws UserError if its features are of another source. */
async function begunIndex(folder: string, source: FeatureSource): Promise<FeatureIndex | undefined> {
  const begun = existsSync(indexFile(folder)) ? await readIndex(folder) : undefined
  if (begun && !sameSource(begun, source))
    throw new UserError(
      `Cannot add to features "${folder}": they are ${describeSource(begun)}; these would be ${describeSource(source)}; ` +
        'give another folder or delete this one',
    )
  return begun
}

/** The index of a folder without the shards that cannot be read, or a new one. */
async function openIndex(folder: string, source: FeatureSource): Promise<FeatureIndex> {
  const begun = await begunIndex(folder, source)
  return {
    format: 'mia-features/2',
    ...source,
    dtype: 'F16',
    shards: begun ? await intactShards(folder, begun) : [],
    skipped: begun?.skipped ?? [],
  }
}

async function intactShards(folder: string, index: FeatureIndex): Promise<Shard[]> {
  const intact: Shard[] = []
  for (const shard of index.shards) {
    const opened = await openShard(folder, shard, index).catch((error) => {
      if (error instanceof UserError) return undefined
      throw error
    })
    if (opened) intact.push(shard)
    await opened?.file.close()
  }
  return intact
}
