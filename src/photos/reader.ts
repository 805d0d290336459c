import { nodeRuntime } from '../runtime/node.ts'
import { detectorFor } from '../train/concept-files.ts'
import { ConceptInference } from '../train/concept-inference.ts'
import type { Run } from '../train/run.ts'
import { ImageError } from '../vision/index.ts'
import { type Eye, type NetworkPaths, openEye, type SeenRegions } from './eye.ts'

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
  /** the path of each, or for bytes its place in the list */
  readonly names: readonly string[]
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

/** From photographs to a run's inputs: its network and its concept detector. */
export class PhotoReader {
  readonly #run: Run
  readonly #eye: Eye
  readonly #detector: ConceptInference | undefined

  private constructor(run: Run, eye: Eye, detector: ConceptInference | undefined) {
    this.#run = run
    this.#eye = eye
    this.#detector = detector
  }

  /** Opens what a run needs. Throws UserError where a network is missing or is another. */
  static async open(run: Run, paths: NetworkPaths = {}): Promise<PhotoReader> {
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

  /** Reads photographs, given as paths or as the bytes of files, batch by batch. Those that cannot be read are told, not thrown. */
  async *read(images: readonly (string | Buffer)[]): AsyncGenerator<ReadPhotos> {
    for (let start = 0; start < images.length; start += PHOTOS_PER_BATCH) {
      const batch = images.slice(start, start + PHOTOS_PER_BATCH)
      const names = batch.map((image, i) => (typeof image === 'string' ? image : String(start + i)))
      const seen = await this.#look(batch, names)
      yield { ...seen, ...(await this.#name(seen.features, seen.names.length)) }
    }
  }

  release(): void {
    this.#eye.release()
    this.#detector?.release()
  }

  /** The regions of those photographs that can be read. */
  async #look(
    images: readonly (string | Buffer)[],
    names: readonly string[],
  ): Promise<Pick<ReadPhotos, 'features' | 'boxes' | 'names' | 'refused'>> {
    const looked = (await this.#eye.look(images)).map((seen, i) => ({ name: names[i]!, seen }))
    const refused = looked.flatMap(({ name, seen }) =>
      seen instanceof ImageError ? [{ image: name, why: seen.why }] : [],
    )
    const readable = looked.filter(
      (each): each is { name: string; seen: SeenRegions } => !(each.seen instanceof ImageError),
    )
    const { regions, size } = this.#run.config.features
    const features = new Uint16Array(readable.length * regions * size)
    for (const [i, { seen }] of readable.entries()) features.set(seen.features, i * regions * size)
    return { names: readable.map(({ name }) => name), features, boxes: readable.map(({ seen }) => seen.boxes), refused }
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
