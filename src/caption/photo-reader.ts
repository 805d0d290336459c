import type { Engine } from '../engine/engine.ts'
import { ImageError, type ImageInput, type Pictures } from '../engine/pictures.ts'
import { conceptInput } from '../models/concept-input.ts'
import { inOrder } from '../vision/in-order.ts'
import { ConceptInference } from './concept-inference.ts'
import {
  type BoxedRegions,
  type FeatureExtractor,
  type NetworkPaths,
  openFeatureExtractor,
  orImageError,
} from './feature-extractor.ts'
import { detectorFor } from './stored-detector.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** A concept detected in an image, and the detector's confidence from 0 to 1. */
export interface FoundConcept {
  readonly word: string
  readonly score: number
}

/** An image of a list: its name and its index. */
export interface NamedImage {
  /** its path or URL; for bytes and pixels its index in the list, as in `#3` */
  readonly image: string
  /** its index in the list, from 0 */
  readonly index: number
}

/** An image that cannot be read, and the reason. */
export interface SkippedImage extends NamedImage {
  readonly reason: string
}

/** An image that was read: its boxes and its concepts. */
export interface ReadImage extends NamedImage {
  /** the image as the caller passed it */
  readonly input: ImageInput
  /** left, top, right, bottom of each region as fractions of width and height, `[regions, 4]` */
  readonly boxes: Float32Array
  /** the detected concepts, highest confidence first; empty for models that use no concepts */
  readonly concepts: readonly FoundConcept[]
}

/** A batch of images as model inputs. */
export interface ReadBatch {
  readonly images: readonly ReadImage[]
  /** float16 bits `[images, R, F]`, zeros where an image has fewer regions */
  readonly features: Uint16Array
  /** concepts `[images, K]` as conceptInput() gives them; empty for models that use none */
  readonly concepts: Int32Array
  readonly skipped: readonly SkippedImage[]
}

/** Images per batch. */
export const IMAGES_PER_BATCH = 16

/** An image that was decoded ahead, or its ImageError. */
interface Decoded extends NamedImage {
  readonly input: ImageInput
  readonly decoded: unknown
}

/** Computes a captioner's inputs from images, by its network and its concept detector. */
export class ImageReader {
  readonly #captioner: TrainedCaptioner
  readonly #pictures: Pictures
  readonly #extractor: FeatureExtractor
  readonly #detector: ConceptInference | undefined

  private constructor(
    captioner: TrainedCaptioner,
    pictures: Pictures,
    extractor: FeatureExtractor,
    detector: ConceptInference | undefined,
  ) {
    this.#captioner = captioner
    this.#pictures = pictures
    this.#extractor = extractor
    this.#detector = detector
  }

  /** Opens the networks of a captioner. Throws UserError if one is missing or differs from the one of training. */
  static async open(engine: Engine, captioner: TrainedCaptioner, paths: NetworkPaths = {}): Promise<ImageReader> {
    const { detector, config } = captioner
    const extractor = await openFeatureExtractor(engine, captioner, paths)
    try {
      const inference =
        detector &&
        (await ConceptInference.load(
          engine.runtime,
          detectorFor(detector.info.words.length, config.features),
          detector.weights,
          config.model.concepts,
        ))
      return new ImageReader(captioner, engine.pictures, extractor, inference)
    } catch (error) {
      extractor.release()
      throw error
    }
  }

  /**
   * Reads images batch by batch, decoding the next ones meanwhile. Images that cannot be read are in `skipped`; they do
   * not throw.
   */
  async *read(images: readonly ImageInput[]): AsyncGenerator<ReadBatch> {
    let batch: Decoded[] = []
    for await (const decoded of inOrder(images.entries(), (entry) => this.#decode(entry), 2 * IMAGES_PER_BATCH)) {
      if (batch.push(decoded) < IMAGES_PER_BATCH) continue
      yield await this.#finish(batch)
      batch = []
    }
    if (batch.length > 0) yield await this.#finish(batch)
  }

  /** Frees the networks. */
  release(): void {
    this.#extractor.release()
    this.#detector?.release()
  }

  async #decode([index, input]: readonly [number, ImageInput]): Promise<Decoded> {
    const image = this.#pictures.nameOf(input) ?? `#${index}`
    return { image, index, input, decoded: await orImageError(this.#extractor.decode(input)) }
  }

  async #finish(batch: readonly Decoded[]): Promise<ReadBatch> {
    const readable = batch.filter(({ decoded }) => !(decoded instanceof ImageError))
    const extracted = readable.length > 0 ? await this.#extractor.extract(readable.map(({ decoded }) => decoded)) : []
    const regionsOf = new Map(readable.map((each, i) => [each, extracted[i]!]))
    const seen: (Decoded & { readonly regions: BoxedRegions })[] = []
    const skipped: SkippedImage[] = []
    for (const each of batch) {
      const regions = regionsOf.get(each) ?? (each.decoded as ImageError)
      if (regions instanceof ImageError) skipped.push({ image: each.image, index: each.index, reason: regions.reason })
      else seen.push({ ...each, regions })
    }
    const { regions: most, size } = this.#captioner.config.features
    const features = new Uint16Array(seen.length * most * size)
    for (const [i, { regions }] of seen.entries()) features.set(regions.features, i * most * size)
    const { found, ids } = await this.#conceptsOf(features, seen.length)
    const images = seen.map(({ image, index, input, regions }, i) => ({
      image,
      index,
      input,
      boxes: regions.boxes,
      concepts: found[i]!,
    }))
    return { images, features, concepts: ids, skipped }
  }

  async #conceptsOf(features: Uint16Array, images: number): Promise<{ found: FoundConcept[][]; ids: Int32Array }> {
    if (!this.#detector || images === 0)
      return { found: Array.from({ length: images }, () => []), ids: new Int32Array() }
    const { words: names } = this.#captioner.detector!.info
    const { words, scores } = await this.#detector.best(features)
    const count = words.length / images
    const found = Array.from({ length: images }, (_, image) =>
      Array.from({ length: count }, (__, k) => ({
        word: names[words[image * count + k]!]!,
        score: scores[image * count + k]!,
      })),
    )
    const { vocabulary, config } = this.#captioner
    const ids = words.map((word, i) => conceptInput(vocabulary.id(names[word]!), scores[i]!, config.model))
    return { found, ids }
  }
}
