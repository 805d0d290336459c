import { resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../runtime/float16.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { detectorFor } from '../train/concept-files.ts'
import { ConceptInference } from '../train/concept-inference.ts'
import type { Run } from '../train/run.ts'
import {
  decodeImage,
  describeSource,
  ImageError,
  type Network,
  normalise,
  openBackbone,
  sameSource,
  sourceOf,
} from '../vision/index.ts'

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
  /** float16 `[names, R, F]` */
  readonly features: Uint16Array
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
  readonly #network: Network
  readonly #detector: ConceptInference | undefined

  private constructor(run: Run, network: Network, detector: ConceptInference | undefined) {
    this.#run = run
    this.#network = network
    this.#detector = detector
  }

  /** Opens what a run needs; `cnn` is the network's file if it is not where it was. Throws UserError where it is missing or is another. */
  static async open(run: Run, { cnn }: { readonly cnn?: string } = {}): Promise<PhotoReader> {
    const { features, model } = run.config
    if ('kind' in features)
      throw new UserError(
        `Cannot use run "${run.folder}" on pictures: its features are ${describeSource(features)}, which are not made of pictures here; test it with "mia test"`,
      )
    const { width, height, channels, mean, std } = features.preprocessing
    const path = resolve(cnn ?? features.network.file)
    const network = await openBackbone(path, {
      layer: features.layer,
      width,
      height,
      normalisation: { channels, mean, std },
    }).catch((error: unknown) => {
      if (cnn !== undefined || !(error instanceof UserError)) throw error
      throw new UserError(
        `Cannot use run "${run.folder}" on pictures: ${error.message}; give the network (sha256 ${features.network.sha256.slice(0, 12)}) with --cnn`,
      )
    })
    if (!sameSource(sourceOf(network), features))
      throw new UserError(
        `Cannot use run "${run.folder}" with network "${path}": its features are ${describeSource(sourceOf(network))}; the run needs ${describeSource(features)}`,
      )
    const { detector } = run
    const inference =
      detector &&
      (await ConceptInference.load(
        nodeRuntime,
        detectorFor(detector.info.words.length, features),
        detector.weights,
        model.concepts,
      ))
    return new PhotoReader(run, network, inference)
  }

  /** The cells of the network's map over the picture, as columns and rows: regions go row by row. */
  get grid(): { readonly columns: number; readonly rows: number } {
    const { regions, input } = this.#network
    const columns = Math.round(Math.sqrt((regions * input.width) / input.height))
    return { columns, rows: regions / columns }
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
    this.#network.release()
    this.#detector?.release()
  }

  /** The features of those photographs that can be read. */
  async #look(
    images: readonly (string | Buffer)[],
    names: readonly string[],
  ): Promise<Pick<ReadPhotos, 'features' | 'names' | 'refused'>> {
    const { input } = this.#network
    const decoded = await Promise.all(
      images.map((image) =>
        decodeImage(image, input).catch((error: unknown) => {
          if (error instanceof ImageError) return error
          throw error
        }),
      ),
    )
    const length = 3 * input.width * input.height
    const pixels = new Float32Array(images.length * length)
    const readable: string[] = []
    const refused: Refused[] = []
    for (const [i, picture] of decoded.entries()) {
      if (picture instanceof ImageError) {
        refused.push({ image: names[i]!, why: picture.why })
        continue
      }
      normalise(picture, input, pixels.subarray(readable.length * length, (readable.length + 1) * length))
      readable.push(names[i]!)
    }
    if (readable.length === 0) return { features: new Uint16Array(), names: readable, refused }
    const features = await this.#network.run(pixels.subarray(0, readable.length * length), readable.length)
    return { features: toFloat16(features), names: readable, refused }
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
