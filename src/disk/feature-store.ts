import { UserError } from '../errors.ts'
import { augmentedId } from '../vision/augmentation.ts'
import { describeSource, type FeatureSource, sameSource } from '../vision/feature-source.ts'
import { type FeatureIndex, readIndex, type Shard } from './feature-index.ts'
import { type OpenShard, openShard, readFeatures, rowsOf, type ShardPlace } from './shard.ts'

/** The place of an image's features. */
interface Place extends ShardPlace {
  readonly shard: Shard
  /** its regions */
  readonly count: number
}

/** Reads stored features, of any images in any order, from the disk straight into a batch. */
export class FeatureStore {
  readonly header: FeatureIndex
  /** the number of regions of an image, or of boxes the most */
  readonly regions: number
  /** the numbers of a region */
  readonly size: number
  readonly #folder: string
  readonly #places: ReadonlyMap<string, Place>
  readonly #open = new Map<Shard, Promise<OpenShard>>()

  private constructor(folder: string, header: FeatureIndex) {
    this.header = header
    this.regions = header.regions
    this.size = header.size
    this.#folder = folder
    this.#places = new Map(
      header.shards.flatMap((shard) => {
        const rows = rowsOf(shard, header)
        return shard.ids.map((id, i) => {
          const { first, count } = rows[i]!
          return [id, { shard, number: i, first: shard.counts ? first : i, count }] as const
        })
      }),
    )
  }

  /** Opens a folder of features. Throws UserError if its index is missing or damaged. */
  static async open(folder: string): Promise<FeatureStore> {
    return new FeatureStore(folder, await readIndex(folder))
  }

  /** What made the features. */
  get source(): FeatureSource {
    const { format: _, dtype: __, shards: ___, skipped: ____, ...source } = this.header
    return source
  }

  /** Whether an image has features. */
  has(id: string): boolean {
    return this.#places.has(id)
  }

  /**
   * Throws UserError, describing both, unless the features are of the source that `what`, as in `run "runs/va"`, needs.
   */
  require(source: FeatureSource, what: string): void {
    if (!sameSource(this.header, source))
      throw new UserError(
        `Cannot use features "${this.#folder}" with ${what}: they are ${describeSource(this.header)}; ` +
          `it needs ${describeSource(source)}; make those with "mia features" in another folder`,
      )
  }

  /** Throws UserError unless each of the images has features of so many augmentations. */
  requireAugmentations(ids: readonly string[], augmentations: number): void {
    for (const id of ids)
      for (let augmentation = 1; augmentation <= augmentations; augmentation++)
        if (!this.has(augmentedId(id, augmentation)))
          throw new UserError(
            `Cannot train on ${augmentations} augmentations of each image: "${this.#folder}" has ${augmentation - 1} of ` +
              `image "${id}"; make them with "mia features --augmentations ${augmentations}"`,
          )
  }

  /** The number of regions of an image. Throws UserError if it has no features. */
  count(id: string): number {
    return this.#place(id).count
  }

  /**
   * Reads the features of images as float16 bits `[ids, regions, size]`, padded with zeros where an image has fewer
   * regions. Throws UserError if an image has no features or its shard is damaged, RangeError if it has more regions.
   */
  async read(ids: readonly string[], regions: number = this.regions): Promise<Uint16Array> {
    const length = regions * this.size
    const into = new Uint16Array(ids.length * length)
    await Promise.all(ids.map((id, i) => this.#readOne(id, into.subarray(i * length, (i + 1) * length))))
    return into
  }

  /** Closes the shards that are open. */
  async close(): Promise<void> {
    const files = await Promise.allSettled(this.#open.values())
    this.#open.clear()
    for (const file of files) if (file.status === 'fulfilled') await file.value.file.close()
  }

  async #readOne(id: string, into: Uint16Array): Promise<void> {
    const { count, shard, ...place } = this.#place(id)
    const end = count * this.size
    if (end > into.length)
      throw new RangeError(`Cannot read image "${id}" into ${into.length / this.size} regions: it has ${count}`)
    await readFeatures(await this.#file(shard), place, into.subarray(0, end))
  }

  #place(id: string): Place {
    const place = this.#places.get(id)
    if (!place) throw new UserError(`Cannot read features of image "${id}": ${this.#whyMissing(id)}`)
    return place
  }

  #file(shard: Shard): Promise<OpenShard> {
    const file = this.#open.get(shard) ?? openShard(this.#folder, shard, this.header)
    this.#open.set(shard, file)
    return file
  }

  #whyMissing(id: string): string {
    const why = this.header.skipped.find((image) => image.id === id)?.reason
    return why ? `it was left out because ${why}` : `"${this.#folder}" has none; make them with "mia features"`
  }
}
