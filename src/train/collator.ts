import type { RunConfig } from '../caption/run-config.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { StoredInputs } from '../disk/stored-inputs.ts'
import type { HostValues } from '../engine/session.ts'
import { ints } from '../formats/host-value.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { augmentedId } from '../vision/index.ts'
import type { Batch, BatchItem } from './batches.ts'
import { bucketOf, chooseBuckets } from './buckets.ts'
import { packCaptions } from './pack-captions.ts'

/** More buckets pad less, but each pair of length and regions that occurs is compiled. */
const LENGTH_BUCKETS = 8
const REGION_BUCKETS = 3

/** The training images with their captions as word ids. Collates batches: reads features and packs captions. */
export class Collator {
  /** the sizes of each image, for makeBatches() */
  readonly items: readonly BatchItem[]
  /** the length buckets, ascending */
  readonly lengths: readonly number[]
  readonly #images: readonly ImageEntry[]
  readonly #captions: readonly (readonly (readonly number[])[])[]
  readonly #inputs: StoredInputs
  readonly #config: RunConfig

  /** Chooses the buckets for these images. Throws UserError if an image has no features. */
  constructor(images: readonly ImageEntry[], vocabulary: Vocabulary, inputs: StoredInputs, config: RunConfig) {
    this.#images = images
    this.#captions = images.map(({ tokens }) => tokens.map((caption) => vocabulary.encode(caption.split(' '))))
    const steps = this.#captions.map((captions) => captions.map((words) => words.length + 1))
    const regions = images.map(({ id }) => inputs.regions(id))
    const buckets = chooseBuckets(regions, REGION_BUCKETS)
    this.items = steps.map((each, i) => ({ steps: each, regions: bucketOf(regions[i]!, buckets)! }))
    this.lengths = chooseBuckets(
      steps.filter((each) => each.length > 0).map((each) => Math.max(...each)),
      LENGTH_BUCKETS,
    )
    this.#inputs = inputs
    this.#config = config
  }

  /** The ids of a batch's images. */
  ids({ images }: Batch): string[] {
    return [...images].map((image) => this.#images[image]!.id)
  }

  /** The words of each of a batch's captions, `<end>` included. */
  lengthsOf({ images, captions }: Batch): number[] {
    const perImage = captions.length / images.length
    return Array.from(captions, (caption, n) => this.items[images[Math.floor(n / perImage)]!]!.steps[caption]!)
  }

  /** Returns the inputs of the training step, as predict() declares them. Throws UserError if features are damaged. */
  async collate(batch: Batch): Promise<HostValues> {
    const { featureSize } = this.#config.model
    const { regions } = batch
    const { captionsPerImage } = this.#config.training
    const ids = this.ids(batch)
    const augmentations = ids.map((id, i) => augmentedId(id, batch.augmentations[i]!))
    const imageOf = (caption: number) => batch.images[Math.floor(caption / captionsPerImage)]!
    const words = [...batch.captions].map((caption, i) => this.#captions[imageOf(i)]![caption]!)
    const packed = packCaptions(words, batch.steps, captionsPerImage)
    const concepts = this.#inputs.concepts(ids)
    return {
      features: {
        dtype: 'float16',
        shape: [ids.length, regions, featureSize],
        data: await this.#inputs.features(augmentations, regions),
      },
      concepts: ints(concepts, [ids.length, concepts.length / ids.length]),
      words: ints(packed.inputs, [batch.steps, words.length]),
      targets: ints(packed.targets),
      positions: ints(packed.positions),
    }
  }
}
