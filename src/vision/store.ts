import { UserError } from '../errors.ts'
import type { SafetensorsFile } from '../runtime/safetensors-file.ts'
import { type FeatureIndex, readIndex, type Shard } from './feature-index.ts'
import { describeSource, type FeatureSource, hasBoxes, sameSource } from './feature-source.ts'
import { type Regions, regionPartNames } from './regions.ts'
import { openShard, readFeatures, readPart, rowsOf } from './shard.ts'

/** Where an image's features lie: in a grid's shard as the `first`-th image, in one of boxes from row `first` on. */
interface Place {
  readonly shard: Shard
  readonly first: number
  readonly count: number
}

/** Reads stored features, any images in any order, straight from disk into the batch. */
export class FeatureStore {
  readonly header: FeatureIndex
  readonly regions: number
  readonly size: number
  readonly #folder: string
  readonly #places: ReadonlyMap<string, Place>
  readonly #open = new Map<Shard, Promise<SafetensorsFile>>()

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
          return [id, { shard, first: shard.counts ? first : i, count }] as const
        })
      }),
    )
  }

  /** Throws UserError if the folder has no features. */
  static async open(folder: string): Promise<FeatureStore> {
    return new FeatureStore(folder, await readIndex(folder))
  }

  /** What made the features, as a run keeps it. */
  get source(): FeatureSource {
    const { format: _, dtype: __, shards: ___, leftOut: ____, ...source } = this.header
    return source
  }

  has(id: string): boolean {
    return this.#places.has(id)
  }

  /** Throws UserError, saying both, unless the features are of the source that `what` (as in `run "runs/va"`) was made with. */
  require(source: FeatureSource, what: string): void {
    if (!sameSource(this.header, source))
      throw new UserError(
        `Cannot use features "${this.#folder}" with ${what}: they are ${describeSource(this.header)}; ` +
          `it needs ${describeSource(source)}; make those with "mia features" in another folder`,
      )
  }

  /** The features of images as float16 bits, [ids, regions, size]; where an image has fewer regions, zeros follow. Throws UserError for an image without features or a damaged shard. */
  async read(
    ids: readonly string[],
    into: Uint16Array = new Uint16Array(ids.length * this.regions * this.size),
  ): Promise<Uint16Array> {
    const length = this.regions * this.size
    if (into.length !== ids.length * length)
      throw new RangeError(
        `Cannot read features of ${ids.length} images into ${into.length} numbers: they are ${ids.length * length}`,
      )
    await Promise.all(ids.map((id, i) => this.#readOne(id, into.subarray(i * length, (i + 1) * length))))
    return into
  }

  /** The boxes of an image `[count, 4]`, in parts of its width and height, with labels and scores where a detector gave them; undefined for grids. */
  async boxes(id: string): Promise<Omit<Regions, 'features'> | undefined> {
    if (!hasBoxes(this.header)) return undefined
    const { first, count, file } = await this.#place(id)
    const parts = await Promise.all(
      regionPartNames.map(async (name) => [name, await readPart(file, name, first, count)]),
    )
    return Object.fromEntries(parts.filter(([, part]) => part !== undefined))
  }

  async close(): Promise<void> {
    const files = await Promise.allSettled(this.#open.values())
    this.#open.clear()
    for (const file of files) if (file.status === 'fulfilled') await file.value.close()
  }

  async #readOne(id: string, into: Uint16Array): Promise<void> {
    const { first, count, file } = await this.#place(id)
    const end = count * this.size
    await readFeatures(file, first, into.subarray(0, end))
    into.fill(0, end)
  }

  async #place(id: string): Promise<Place & { file: SafetensorsFile }> {
    const place = this.#places.get(id)
    if (!place) throw new UserError(`Cannot read features of image "${id}": ${this.#whyMissing(id)}`)
    const file = this.#open.get(place.shard) ?? openShard(this.#folder, place.shard, this.header)
    this.#open.set(place.shard, file)
    return { ...place, file: await file }
  }

  #whyMissing(id: string): string {
    const why = this.header.leftOut.find((image) => image.id === id)?.why
    return why ? `it was left out because ${why}` : `"${this.#folder}" has none; make them with "mia features"`
  }
}
