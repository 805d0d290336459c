import type { Engine } from '../engine/engine.ts'
import { ImageError, type ImageInput } from '../engine/pictures.ts'
import { BatchQueue } from '../engine/queue.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { minLength as atLeast } from '../search/filters/min-length.ts'
import { ModelDecoder } from '../search/model-stepper.ts'
import { captionBatch, confidenceOf, type GeneratedCaption } from './caption-all.ts'
import { Explainer, type Explanation } from './explainer.ts'
import type { NetworkPaths } from './feature-extractor.ts'
import {
  type FoundConcept,
  type NamedImage,
  PHOTOS_PER_BATCH,
  PhotoReader,
  type ReadBatch,
  type ReadPhoto,
  type SkippedImage,
} from './photo-reader.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** A caption of a picture. */
export interface PhotoCaption extends NamedImage {
  readonly caption: string
  /** its words, each with its probability given the words before it, from 0 to 1 */
  readonly words: readonly { readonly word: string; readonly probability: number }[]
  /** the probability of the whole caption, from 0 to 1 */
  readonly probability: number
  /**
   * the geometric mean of the words' probabilities, from 0 to 1; unlike the whole's it does not fall with the length
   */
  readonly confidence: number
  /** the concepts with the highest confidence, best first; none for models that use none */
  readonly concepts: readonly FoundConcept[]
}

/** A caption and what the model attended to. */
export interface ExplainedCaption extends PhotoCaption {
  /** the picture as it was given */
  readonly picture: ImageInput
  /** all concepts that the model got, in the order of the alignments' columns */
  readonly allConcepts: readonly FoundConcept[]
  readonly explanation: Explanation
  /** left, top, right, bottom of each region as fractions of width and height, `[regions, 4]` */
  readonly boxes: Float32Array
}

/** How a caption is searched for. */
export interface CaptionOptions {
  /** hypotheses that keep growing, 3 by default; 1 is greedy search */
  readonly beam?: number
  /** words a caption may have, the closing `<end>` counted; 20 by default */
  readonly maxLength?: number
  /** words a caption must have, the closing `<end>` not counted; 0 by default, and below `maxLength` */
  readonly minLength?: number
  /** gives up the picture, also one that waits for its turn */
  readonly signal?: AbortSignal
}

/** How a list of pictures is captioned. */
export interface CaptionAllOptions extends CaptionOptions, Pick<Watch, 'onProgress'> {}

/** Captions of pictures, and the pictures that have none. */
export interface Captions<T> {
  readonly captions: T[]
  readonly skipped: SkippedImage[]
}

/** What a captioner is opened with. */
export interface CaptionerOptions extends NetworkPaths {
  /**
   * how many pictures may wait in caption() and explain(), and what happens beyond: by default 256, and later callers
   * wait for a place
   */
  readonly queue?: { readonly capacity?: number; readonly whenFull?: 'wait' | 'refuse' }
}

/** Concepts listed with a caption. */
const SHOWN_CONCEPTS = 8
const BEAM = 3
const MAX_LENGTH = 20
const MIN_LENGTH = 0
const WAITING = 256

/** A picture that waits for its turn. */
interface Request {
  readonly picture: ImageInput
  readonly explain: boolean
  readonly beam: number
  readonly maxLength: number
  readonly minLength: number
}

/**
 * A trained captioner for pictures: feature extractor, concept detector, encoder and search. Any number of callers may
 * ask at once: a bounded queue makes batches of what they ask.
 */
export class Captioner {
  /** what it runs on */
  readonly engine: Engine
  /** the trained model, its configuration and its vocabulary */
  readonly trained: TrainedCaptioner
  readonly #reader: PhotoReader
  readonly #decoder: ModelDecoder
  readonly #queue: BatchQueue<Request, PhotoCaption | ExplainedCaption>
  /** explainers by the longest caption that they take */
  readonly #explainers = new Map<number, Promise<Explainer>>()
  readonly #inProgress = new Set<Promise<unknown>>()
  #released = false

  protected constructor(
    engine: Engine,
    trained: TrainedCaptioner,
    reader: PhotoReader,
    decoder: ModelDecoder,
    queue: CaptionerOptions['queue'],
  ) {
    this.engine = engine
    this.trained = trained
    this.#reader = reader
    this.#decoder = decoder
    this.#queue = new BatchQueue((requests: readonly Request[]) => this.#serve(requests), {
      batchSize: PHOTOS_PER_BATCH,
      capacity: WAITING,
      whenFull: 'wait',
      ...queue,
    })
  }

  /**
   * Opens the networks of a trained captioner. Throws UserError where one is missing or is another than it was trained
   * with.
   */
  static async open(engine: Engine, trained: TrainedCaptioner, options: CaptionerOptions = {}): Promise<Captioner> {
    return new Captioner(engine, trained, ...(await Captioner.openParts(engine, trained, options)))
  }

  /** The arguments of the constructor after the first two. */
  protected static async openParts(
    engine: Engine,
    trained: TrainedCaptioner,
    { queue, ...paths }: CaptionerOptions,
  ): Promise<[PhotoReader, ModelDecoder, CaptionerOptions['queue']]> {
    const reader = await PhotoReader.open(engine, trained, paths)
    try {
      return [reader, await ModelDecoder.load(engine.runtime, trained.model, trained.weights), queue]
    } catch (error) {
      reader.release()
      throw error
    }
  }

  /** Captions a picture. Throws ImageError if it cannot be read, QueueFullError if the queue refuses it. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<PhotoCaption> {
    return this.#ask(image, false, options)
  }

  /** Captions a picture and says what the model attended to at each word. Throws as caption() does. */
  async explain(image: ImageInput, options: CaptionOptions = {}): Promise<ExplainedCaption> {
    return (await this.#ask(image, true, options)) as ExplainedCaption
  }

  /**
   * Captions pictures, decoding some while the networks work on others. Those that cannot be read are in `skipped`, not
   * thrown.
   */
  async captionAll(images: readonly ImageInput[], options: CaptionAllOptions = {}): Promise<Captions<PhotoCaption>> {
    return this.#busy(() => this.#each(images, options, async (_, captions) => captions))
  }

  /** Captions pictures and says what the model attended to at each word. Those that cannot be read are in `skipped`. */
  async explainAll(
    images: readonly ImageInput[],
    options: CaptionAllOptions = {},
  ): Promise<Captions<ExplainedCaption>> {
    return this.#busy(() => this.#explainEach(images, options))
  }

  /**
   * Captions pictures as captionAll() does, without holding the captions: yields the caption of each picture, or why it
   * is skipped, in the order of the list, as soon as its batch is done. `onProgress` is called after each batch.
   */
  async *captionEach(
    images: readonly ImageInput[],
    options: CaptionAllOptions = {},
  ): AsyncGenerator<PhotoCaption | SkippedImage> {
    const batches = this.#batches(images, options, async (_, captions) => captions)
    try {
      for (;;) {
        const next = await this.#busy(() => batches.next())
        if (next.done) return
        const { captions, skipped } = next.value
        yield* [...captions, ...skipped].sort((a, b) => a.index - b.index)
      }
    } finally {
      await batches.return(undefined)
    }
  }

  /** Frees the models after the captions in progress. Later calls throw UserError. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#queue.close()
    await Promise.allSettled(this.#inProgress)
    this.#reader.release()
    for (const explainer of await Promise.allSettled(this.#explainers.values()))
      if (explainer.status === 'fulfilled') explainer.value.release()
    await this.#decoder.release()
  }

  /** release(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  /** Puts a picture into the queue. */
  async #ask(
    picture: ImageInput,
    explain: boolean,
    { beam = BEAM, maxLength = MAX_LENGTH, minLength = MIN_LENGTH, signal }: CaptionOptions,
  ): Promise<PhotoCaption | ExplainedCaption> {
    this.#checkOpen()
    return this.#queue.submit({ picture, explain, beam, maxLength, minLength }, signal ? { signal } : {})
  }

  /** Serves a batch of requests: those that want the same go through the model together. */
  async #serve(requests: readonly Request[]): Promise<(PhotoCaption | ExplainedCaption | Error)[]> {
    const results: (PhotoCaption | ExplainedCaption | Error)[] = []
    for (const indices of groupBy(requests.keys(), (i) => keyOf(requests[i]!)).values()) {
      const { explain, ...options } = requests[indices[0]!]!
      const images = indices.map((i) => requests[i]!.picture)
      const { captions, skipped } = explain
        ? await this.#explainEach(images, options)
        : await this.#each(images, options, async (_, each) => each)
      for (const caption of captions) results[indices[caption.index]!] = { ...caption, index: 0 }
      for (const { index, reason } of skipped) {
        const name = this.engine.pictures.nameOf(images[index]!)
        results[indices[index]!] = new ImageError(name === undefined ? 'the picture' : `image "${name}"`, reason)
      }
    }
    return results
  }

  async #explainEach(images: readonly ImageInput[], options: CaptionAllOptions): Promise<Captions<ExplainedCaption>> {
    const explainer = await this.#explainer(options.maxLength ?? MAX_LENGTH)
    return this.#each(images, options, async ({ photos, features, concepts }, captions, ids) => {
      const explanations = await explainer.explain(features, concepts, ids)
      return captions.map((caption, i) => ({
        ...caption,
        picture: photos[i]!.picture,
        allConcepts: photos[i]!.concepts,
        explanation: explanations[i]!,
        boxes: photos[i]!.boxes,
      }))
    })
  }

  /** The explainer for captions of that length, compiled once; a failed compilation is tried again. */
  #explainer(maxLength: number): Promise<Explainer> {
    const known = this.#explainers.get(maxLength)
    if (known) return known
    const { model, weights } = this.trained
    const compiling = Explainer.load(this.engine.runtime, model, weights, maxLength)
    compiling.catch(() => this.#explainers.delete(maxLength))
    this.#explainers.set(maxLength, compiling)
    return compiling
  }

  /** Does work that release() waits for. */
  async #busy<T>(work: () => Promise<T>): Promise<T> {
    this.#checkOpen()
    const promise = work()
    this.#inProgress.add(promise)
    try {
      return await promise
    } finally {
      this.#inProgress.delete(promise)
    }
  }

  #checkOpen(): void {
    if (this.#released) throw new UserError('Cannot caption: this captioner was released; load another')
  }

  /** Captions all batches, see #batches(). */
  async #each<T>(
    images: readonly ImageInput[],
    options: CaptionAllOptions,
    finish: (batch: ReadBatch, captions: PhotoCaption[], ids: readonly (readonly number[])[]) => Promise<T[]>,
  ): Promise<Captions<T>> {
    const all: Captions<T> = { captions: [], skipped: [] }
    for await (const { captions, skipped } of this.#batches(images, options, finish)) {
      all.captions.push(...captions)
      all.skipped.push(...skipped)
    }
    return all
  }

  /** Captions batch by batch; `finish` turns a batch's captions, and their words as ids, into what is wanted. */
  async *#batches<T>(
    images: readonly ImageInput[],
    { beam = BEAM, maxLength = MAX_LENGTH, minLength = MIN_LENGTH, onProgress, signal }: CaptionAllOptions,
    finish: (batch: ReadBatch, captions: PhotoCaption[], ids: readonly (readonly number[])[]) => Promise<T[]>,
  ): AsyncGenerator<Captions<T>> {
    if (minLength >= maxLength)
      throw new RangeError(`Cannot caption with at least ${minLength} words and at most ${maxLength - 1}`)
    const filters = minLength > 0 ? [atLeast(minLength)] : []
    const options = { beam, maxLength, filters, ...(signal && { signal }) }
    let done = 0
    for await (const batch of this.#reader.read(images)) {
      signal?.throwIfAborted()
      const { photos, skipped } = batch
      const captions: T[] = []
      if (photos.length > 0) {
        const { vocabulary } = this.trained
        const generated = await captionBatch(this.#decoder, { images: photos.length, ...batch }, vocabulary, options)
        const each = generated.map((caption, i) => this.#captionOf(photos[i]!, caption))
        const ids = generated.map(({ words }) => words)
        captions.push(...(await finish(batch, each, ids)))
      }
      done += captions.length + skipped.length
      onProgress?.(done, images.length)
      yield { captions, skipped: [...skipped] }
    }
  }

  #captionOf({ image, index, concepts }: ReadPhoto, generated: GeneratedCaption): PhotoCaption {
    const { caption, words, wordLogProbs, logProb } = generated
    return {
      image,
      index,
      caption,
      words: this.trained.vocabulary
        .decode(words)
        .map((word, t) => ({ word, probability: Math.exp(wordLogProbs[t]!) })),
      probability: Math.exp(logProb),
      confidence: confidenceOf(generated),
      concepts: concepts.slice(0, SHOWN_CONCEPTS),
    }
  }
}

/** Requests with equal keys go through the model together. */
const keyOf = ({ explain, beam, maxLength, minLength }: Request): string =>
  `${explain} ${beam} ${maxLength} ${minLength}`

function groupBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}
