import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { describeSource, type FeatureSource, hasBoxes, sameSource } from '../vision/feature-source.ts'
import type { Regions } from '../vision/regions.ts'
import { type FeatureIndex, type LeftOut, readIndex, type Shard, writeIndex } from './feature-index.ts'
import { openShard, writeShard } from './shard.ts'

/**
 * Writes features to a folder, shard by shard: a shard first, then the index that names it. Whatever stops the process, all but the shard
 * in work is kept, and the next writer goes on from there. One writer a folder at a time.
 */
export class FeatureWriter {
  readonly #folder: string
  readonly #index: FeatureIndex
  readonly #stored: Set<string>
  readonly #leftOut: Map<string, LeftOut>
  readonly #shardSize: number
  /** the pictures of the shard in work */
  #pictures: { readonly id: string; readonly regions: Regions }[] = []

  private constructor(folder: string, index: FeatureIndex, shardSize: number) {
    this.#folder = folder
    this.#index = index
    this.#stored = new Set(index.shards.flatMap(({ ids }) => ids))
    this.#leftOut = new Map(index.leftOut.map((image) => [image.id, image]))
    this.#shardSize = shardSize
  }

  /**
   * Begins a folder of features or goes on with one. Shards that are missing or damaged are given up: their images count as not stored.
   * Throws UserError if the folder has features of another source.
   */
  static async open(folder: string, source: FeatureSource, { shardSize = 512 } = {}): Promise<FeatureWriter> {
    await mkdir(folder, { recursive: true })
    await removeUnfinished(folder)
    const begun = await stat(join(folder, 'index.json')).then(
      () => readIndex(folder),
      () => undefined,
    )
    if (begun && !sameSource(begun, source))
      throw new UserError(
        `Cannot add to features "${folder}": they are ${describeSource(begun)}; these would be ${describeSource(source)}; ` +
          'give another folder or delete this one',
      )
    const shards = begun ? await intactShards(folder, begun) : []
    const index: FeatureIndex = {
      format: 'mia-features/1',
      ...source,
      dtype: 'F16',
      shards,
      leftOut: begun?.leftOut ?? [],
    }
    await writeIndex(folder, index)
    return new FeatureWriter(folder, index, shardSize)
  }

  /** The images that have features, those of the shard in work included. */
  get count(): number {
    return this.#stored.size
  }

  has(id: string): boolean {
    return this.#stored.has(id)
  }

  /** Adds an image's regions; their numbers are copied. Of a grid there are always as many, of boxes from 1 to the source's regions. */
  async add(id: string, regions: Regions): Promise<void> {
    const { size, regions: most } = this.#index
    const count = regions.features.length / size
    const right = hasBoxes(this.#index) ? Number.isInteger(count) && count >= 1 && count <= most : count === most
    if (!right)
      throw new RangeError(
        `Cannot add features of image "${id}": they are ${regions.features.length} numbers and should be ${most * size}`,
      )
    if (this.has(id)) throw new RangeError(`Cannot add features of image "${id}": it has some`)
    this.#pictures.push({ id, regions: { ...regions, features: regions.features.slice() } })
    this.#stored.add(id)
    this.#leftOut.delete(id)
    if (this.#pictures.length === this.#shardSize) await this.#finishShard()
  }

  /** Notes an image that can have no features; a later writer may add it all the same. */
  leaveOut(image: LeftOut): void {
    this.#leftOut.set(image.id, image)
  }

  /** Writes what is not yet on disk. */
  async close(): Promise<void> {
    if (this.#pictures.length > 0) await this.#finishShard()
    else await this.#saveIndex()
  }

  async #finishShard(): Promise<void> {
    const { shards, size } = this.#index
    const ids = this.#pictures.map(({ id }) => id)
    const counts = this.#pictures.map(({ regions }) => regions.features.length / size)
    const shard = { file: unusedName(shards), ids, ...(hasBoxes(this.#index) && { counts }) }
    await writeShard(
      this.#folder,
      shard,
      this.#index,
      this.#pictures.map(({ regions }) => regions),
    )
    shards.push(shard)
    this.#pictures = []
    await this.#saveIndex()
  }

  async #saveIndex(): Promise<void> {
    await writeIndex(this.#folder, { ...this.#index, leftOut: [...this.#leftOut.values()] })
  }
}

async function intactShards(folder: string, index: FeatureIndex): Promise<Shard[]> {
  const intact: Shard[] = []
  for (const shard of index.shards) {
    const file = await openShard(folder, shard, index).catch((error) => {
      if (error instanceof UserError) return undefined
      throw error
    })
    if (file) intact.push(shard)
    await file?.close()
  }
  return intact
}

function unusedName(shards: readonly Shard[]): string {
  const used = new Set(shards.map(({ file }) => file))
  const nameOf = (number: number): string => `shard-${String(number).padStart(5, '0')}.safetensors`
  let number = 0
  while (used.has(nameOf(number))) number++
  return nameOf(number)
}

/** A process that was killed leaves the file it was writing, up to 64 MB, beside its goal. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const file of await readdir(folder))
    if (/^(shard-\d+\.safetensors|index\.json)\..*\.part$/.test(file)) await rm(join(folder, file), { force: true })
}
