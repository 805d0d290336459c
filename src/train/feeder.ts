import type { ImageEntry } from '../data/dataset.ts'
import { ints, type Values } from '../runtime/session.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { Batch } from './batches.ts'
import type { ImageInputs } from './evaluation.ts'
import { packCaptions } from './packing.ts'
import type { RunConfig } from './run.ts'

/** Training images with their captions as word ids, and the inputs of the training step for a batch of them. */
export class Feeder {
  /** how many words the decoder predicts of each caption of each image, `<end>` counted */
  readonly steps: readonly (readonly number[])[]
  readonly #images: readonly ImageEntry[]
  readonly #captions: readonly (readonly (readonly number[])[])[]
  readonly #inputs: ImageInputs
  readonly #config: RunConfig

  constructor(images: readonly ImageEntry[], vocabulary: Vocabulary, inputs: ImageInputs, config: RunConfig) {
    this.#images = images
    this.#captions = images.map(({ tokens }) => tokens.map((caption) => vocabulary.encode(caption.split(' '))))
    this.steps = this.#captions.map((captions) => captions.map((words) => words.length + 1))
    this.#inputs = inputs
    this.#config = config
  }

  /** The ids of a batch's images. */
  ids({ images }: Batch): string[] {
    return [...images].map((image) => this.#images[image]!.id)
  }

  /** The inputs of the training step (see predict()). */
  async feed(batch: Batch): Promise<Values> {
    const { regions, featureSize } = this.#config.model
    const { captionsPerImage } = this.#config.training
    const ids = this.ids(batch)
    const imageOf = (caption: number) => batch.images[Math.floor(caption / captionsPerImage)]!
    const words = [...batch.captions].map((caption, i) => this.#captions[imageOf(i)]![caption]!)
    const packed = packCaptions(words, batch.steps, captionsPerImage)
    const concepts = this.#inputs.concepts(ids)
    return {
      features: { dtype: 'float16', shape: [ids.length, regions, featureSize], data: await this.#inputs.features(ids) },
      concepts: ints(concepts, [ids.length, concepts.length / ids.length]),
      words: ints(packed.inputs, [batch.steps, words.length]),
      targets: ints(packed.targets),
      positions: ints(packed.positions),
    }
  }
}
