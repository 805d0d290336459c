import { join } from 'node:path'
import { FeatureStore } from '../../disk/feature-store.ts'
import { FeatureWriter } from '../../disk/feature-writer.ts'
import type { Crop, Pictures } from '../../engine/pictures.ts'
import { floats, type HostValue } from '../../formats/host-value.ts'
import type { Watch } from '../../progress.ts'
import { augmentedId, withAugmentations } from '../../vision/augmentation.ts'
import { extractFeatures, type SkippedFile } from '../../vision/extract-features.ts'
import { sourceOf } from '../../vision/feature-source.ts'
import type { Network } from '../../vision/networks/network.ts'
import { normalise } from '../../vision/preprocessing.ts'

/** A picture to train on. */
export interface TuningPicture {
  readonly id: string
  readonly path: string
  /** the words of its captions; undefined if it has none */
  readonly words?: ReadonlySet<string>
  /** its captions, and its concepts `[K]`, as word ids; if a captioner is trained on it */
  readonly captioned?: { readonly captions: readonly (readonly number[])[]; readonly concepts: Int32Array }
}

/** A picture as it is shown to the networks once. */
export interface View {
  readonly picture: TuningPicture
  /** its stored view; 0 is the whole picture */
  readonly number: number
  /** the part of the picture that is shown; by default all */
  readonly crop?: Crop
  /** the numbers of the captions that a captioner is trained on with it; by default the first ones */
  readonly captions?: readonly number[]
}

/** What the networks see in some views. */
export interface Seen {
  /** what the frozen part computes, `[B, N]`; without a frozen part the images */
  readonly start: HostValue
  /** the teacher's map, `[B, R * F]` */
  readonly teacher?: HostValue
}

/** The networks that views are shown to. */
export interface Watchers {
  readonly frozen: Network
  readonly teacher?: Network
}

/** Where what the networks see in views comes from. */
export interface Views {
  /** the type of the numbers */
  readonly type: 'float16' | 'float32'
  /** Whether all views of a picture can be read, as far as is known before. */
  has(picture: TuningPicture): boolean
  read(views: readonly View[]): Promise<Seen>
  close(): Promise<void>
}

/** Shows every view to the networks when it is read: each step draws new crops. */
export class LiveViews implements Views {
  readonly type = 'float32'
  readonly #pictures: Pictures
  readonly #watchers: Watchers

  constructor(pictures: Pictures, watchers: Watchers) {
    this.#pictures = pictures
    this.#watchers = watchers
  }

  has(): boolean {
    return true
  }

  async read(views: readonly View[]): Promise<Seen> {
    const { frozen, teacher } = this.#watchers
    const [start, map] = await Promise.all([this.#show(views, frozen), teacher && this.#show(views, teacher)])
    return { start, ...(map && { teacher: map }) }
  }

  async close(): Promise<void> {}

  async #show(views: readonly View[], network: Network): Promise<HostValue> {
    const { width, height } = network.input
    const length = 3 * width * height
    const images = new Float32Array(views.length * length)
    await Promise.all(
      views.map(async ({ picture, crop }, i) => {
        const pixels = await this.#pictures.decode(picture.path, { ...network.input, ...(crop && { crop }) })
        normalise(pixels, network.input, images.subarray(i * length, (i + 1) * length))
      }),
    )
    return floats([views.length, network.regions * network.size], await network.run(images, views.length))
  }
}

/** Reads what the networks saw in views that were shown to them before. */
export class StoredViews implements Views {
  readonly type = 'float16'
  readonly #frozen: FeatureStore
  readonly #teacher: FeatureStore | undefined

  readonly #count: number

  private constructor(frozen: FeatureStore, teacher: FeatureStore | undefined, count: number) {
    this.#frozen = frozen
    this.#teacher = teacher
    this.#count = count
  }

  /**
   * Shows `count` views of each picture to the networks, the whole picture and crops of it, and stores what they see
   * in `folder`, in float16. What is stored there already is kept, so that an interrupted call resumes.
   * Pictures that cannot be read are reported, and has() says so.
   */
  static async make(
    folder: string,
    pictures: readonly TuningPicture[],
    { count, decoder, watchers, onSkip, ...watch }: StoreOptions,
  ): Promise<StoredViews> {
    const images = (
      await Promise.all(pictures.map(({ id, path }) => withAugmentations({ id, path }, count - 1)))
    ).flat()
    const stored: FeatureStore[] = []
    for (const [name, network] of Object.entries(watchers) as [string, Network][]) {
      const part = join(folder, name)
      const store = await FeatureWriter.open(part, sourceOf(network))
      const { skipped } = await extractFeatures({ images, network, pictures: decoder, store, ...watch }).finally(() =>
        store.close(),
      )
      for (const each of skipped) onSkip(each)
      stored.push(await FeatureStore.open(part))
    }
    return new StoredViews(stored[0]!, stored[1], count)
  }

  has({ id }: TuningPicture): boolean {
    const ids = Array.from({ length: this.#count }, (_, number) => augmentedId(id, number))
    return ids.every((each) => this.#frozen.has(each) && this.#teacher?.has(each) !== false)
  }

  async read(views: readonly View[]): Promise<Seen> {
    const ids = views.map(({ picture, number }) => augmentedId(picture.id, number))
    const [start, teacher] = await Promise.all(
      [this.#frozen, this.#teacher].map((store) => store && halves(store, ids)),
    )
    return { start: start!, ...(teacher && { teacher }) }
  }

  async close(): Promise<void> {
    await this.#frozen.close()
    await this.#teacher?.close()
  }
}

/** How views are stored. */
export interface StoreOptions extends Watch {
  /** views of each picture */
  readonly count: number
  readonly decoder: Pictures
  readonly watchers: Watchers
  readonly onSkip: (skipped: SkippedFile) => void
}

async function halves(store: FeatureStore, ids: readonly string[]): Promise<HostValue> {
  const data = await store.read(ids)
  return { dtype: 'float16', shape: [ids.length, data.length / ids.length], data }
}
