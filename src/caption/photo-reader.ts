import { nodeRuntime } from '../hosts/node/runtime.ts'
import { ImageError, type ImageInput, inOrder, nameOf } from '../vision/index.ts'
import { ConceptInference } from './concept-inference.ts'
import { type Eye, type NetworkPaths, openEye, orImageError, type SeenRegions } from './feature-extractor.ts'
import { detectorFor } from './stored-detector.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** A concept found in a photograph, and how sure the detector is, from 0 to 1. */
export interface FoundConcept {
  readonly word: string
  readonly score: number
}

/** A photograph that cannot be read. */
export interface Refused {
  readonly image: string
  readonly why: string
}

/** Some photographs as a model takes them. */
export interface ReadPhotos {
  /** the path of each, or where it is no file its place in the list */
  readonly names: readonly string[]
  /** the photographs themselves, as they were given */
  readonly images: readonly ImageInput[]
  /** float16 `[names, R, F]`, zeros where a photograph has fewer regions */
  readonly features: Uint16Array
  /** left, top, right, bottom of each one's regions, in parts of its width and height, `[regions, 4]` */
  readonly boxes: readonly Float32Array[]
  /** word ids `[names, K]`; none for the models that use no concepts */
  readonly conceptIds: Int32Array
  /** the concepts of each, most confident first */
  readonly concepts: readonly (readonly FoundConcept[])[]
  readonly refused: readonly Refused[]
}

/** How many photographs are read, and go through a model, at once. */
const PHOTOS_PER_BATCH = 16

/** A photograph before its turn. */
interface Opened {
  readonly image: ImageInput
  readonly name: string
  /** what the eye made of it, or the ImageError */
  readonly opened: unknown
}

/** From photographs to a run's inputs: its network and its concept detector. */
export class PhotoReader {
  readonly #run: TrainedCaptioner
  readonly #eye: Eye
  readonly #detector: ConceptInference | undefined

  private constructor(run: TrainedCaptioner, eye: Eye, detector: ConceptInference | undefined) {
    this.#run = run
    this.#eye = eye
    this.#detector = detector
  }

  /** Opens what a run needs. Throws UserError where a network is missing or is another. */
  static async open(run: TrainedCaptioner, paths: NetworkPaths = {}): Promise<PhotoReader> {
    const { features, model } = run.config
    const eye = await openEye(run, paths)
    const { detector } = run
    const inference =
      detector &&
      (await ConceptInference.load(
        nodeRuntime,
        detectorFor(detector.info.words.length, features),
        detector.weights,
        model.concepts,
      ))
    return new PhotoReader(run, eye, inference)
  }

  /** Reads photographs batch by batch; those after are decoded meanwhile. What cannot be read is told, not thrown. */
  async *read(images: readonly ImageInput[]): AsyncGenerator<ReadPhotos> {
    let batch: Opened[] = []
    for await (const opened of inOrder(images.entries(), (entry) => this.#open(entry), 2 * PHOTOS_PER_BATCH)) {
      if (batch.push(opened) < PHOTOS_PER_BATCH) continue
      yield await this.#finish(batch)
      batch = []
    }
    if (batch.length > 0) yield await this.#finish(batch)
  }

  release(): void {
    this.#eye.release()
    this.#detector?.release()
  }

  async #open([place, image]: readonly [number, ImageInput]): Promise<Opened> {
    return { image, name: nameOf(image) ?? String(place), opened: await orImageError(this.#eye.open(image)) }
  }

  async #finish(batch: readonly Opened[]): Promise<ReadPhotos> {
    const seen = await this.#look(batch)
    return { ...seen, ...(await this.#name(seen.features, seen.names.length)) }
  }

  /** The regions of those photographs that can be read. */
  async #look(batch: readonly Opened[]): Promise<Omit<ReadPhotos, 'concepts' | 'conceptIds'>> {
    const openable = batch.filter(({ opened }) => !(opened instanceof ImageError))
    const looked = openable.length > 0 ? await this.#eye.look(openable.map(({ opened }) => opened)) : []
    const seen = new Map(openable.map((photo, i) => [photo, looked[i]!]))
    const all = batch.map((photo) => ({ ...photo, seen: seen.get(photo) ?? (photo.opened as ImageError) }))
    const refused = all.flatMap(({ name, seen }) =>
      seen instanceof ImageError ? [{ image: name, why: seen.why }] : [],
    )
    const readable = all.filter((each): each is Opened & { seen: SeenRegions } => !(each.seen instanceof ImageError))
    const { regions, size } = this.#run.config.features
    const features = new Uint16Array(readable.length * regions * size)
    for (const [i, { seen }] of readable.entries()) features.set(seen.features, i * regions * size)
    return {
      names: readable.map(({ name }) => name),
      images: readable.map(({ image }) => image),
      features,
      boxes: readable.map(({ seen }) => seen.boxes),
      refused,
    }
  }

  async #name(features: Uint16Array, images: number): Promise<Pick<ReadPhotos, 'concepts' | 'conceptIds'>> {
    if (!this.#detector || images === 0)
      return { concepts: Array.from({ length: images }, () => []), conceptIds: new Int32Array() }
    const { words: names } = this.#run.detector!.info
    const { words, scores } = await this.#detector.best(features)
    const count = words.length / images
    const concepts = Array.from({ length: images }, (_, image) =>
      Array.from({ length: count }, (__, k) => ({
        word: names[words[image * count + k]!]!,
        score: scores[image * count + k]!,
      })),
    )
    return { concepts, conceptIds: words.map((word) => this.#run.vocabulary.id(names[word]!)) }
  }
}
