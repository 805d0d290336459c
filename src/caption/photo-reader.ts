import type { Engine } from '../engine/engine.ts'
import { ImageError, type ImageInput, type Pictures } from '../engine/pictures.ts'
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

/** A concept found in a picture, and the detector's confidence from 0 to 1. */
export interface FoundConcept {
  readonly word: string
  readonly score: number
}

/** A picture of a list: its name and its index. */
export interface NamedImage {
  /** its path or URL; for bytes and pixels its index in the list, as in `#3` */
  readonly image: string
  /** its index in the list, from 0 */
  readonly index: number
}

/** A picture that cannot be read, and why. */
export interface SkippedImage extends NamedImage {
  readonly reason: string
}

/** A picture that was read: its boxes and its concepts. */
export interface ReadPhoto extends NamedImage {
  /** the picture as it was given */
  readonly picture: ImageInput
  /** left, top, right, bottom of each region as fractions of width and height, `[regions, 4]` */
  readonly boxes: Float32Array
  /** the concepts found, most confident first; none for models that use none */
  readonly concepts: readonly FoundConcept[]
}

/** Some pictures as a model takes them. */
export interface ReadBatch {
  readonly photos: readonly ReadPhoto[]
  /** float16 bits `[photos, R, F]`, zeros where a picture has fewer regions */
  readonly features: Uint16Array
  /** word ids `[photos, K]`; empty for models that use no concepts */
  readonly concepts: Int32Array
  readonly skipped: readonly SkippedImage[]
}

/** Pictures that are read, and go through a model, at once. */
export const PHOTOS_PER_BATCH = 16

/** A picture that was decoded ahead, or the ImageError. */
interface Decoded extends NamedImage {
  readonly picture: ImageInput
  readonly decoded: unknown
}

/** Turns pictures into a captioner's inputs by its network and its concept detector. */
export class PhotoReader {
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

  /** Opens what a captioner needs. Throws UserError where a network is missing or is another. */
  static async open(engine: Engine, captioner: TrainedCaptioner, paths: NetworkPaths = {}): Promise<PhotoReader> {
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
      return new PhotoReader(captioner, engine.pictures, extractor, inference)
    } catch (error) {
      extractor.release()
      throw error
    }
  }

  /**
   * Reads pictures batch by batch; later ones are decoded meanwhile. Those that cannot be read are in `skipped`, not
   * thrown.
   */
  async *read(images: readonly ImageInput[]): AsyncGenerator<ReadBatch> {
    let batch: Decoded[] = []
    for await (const decoded of inOrder(images.entries(), (entry) => this.#decode(entry), 2 * PHOTOS_PER_BATCH)) {
      if (batch.push(decoded) < PHOTOS_PER_BATCH) continue
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

  async #decode([index, picture]: readonly [number, ImageInput]): Promise<Decoded> {
    const image = this.#pictures.nameOf(picture) ?? `#${index}`
    return { image, index, picture, decoded: await orImageError(this.#extractor.decode(picture)) }
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
    const photos = seen.map(({ image, index, picture, regions }, i) => ({
      image,
      index,
      picture,
      boxes: regions.boxes,
      concepts: found[i]!,
    }))
    return { photos, features, concepts: ids, skipped }
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
    return { found, ids: words.map((word) => this.#captioner.vocabulary.id(names[word]!)) }
  }
}
