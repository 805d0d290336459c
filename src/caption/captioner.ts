import { CompiledCache } from '../engine/compiled-cache.ts'
import type { Engine } from '../engine/engine.ts'
import { grouped } from '../engine/grouped-work.ts'
import { ImageError, type ImageInput } from '../engine/pictures.ts'
import { BatchQueue } from '../engine/queue.ts'
import { UserError } from '../errors.ts'
import { DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import { ModelDecoder } from '../search/model-stepper.ts'
import { captionBatch } from './caption-all.ts'
import type { CaptionAllOptions, CaptionerOptions, CaptionOptions } from './caption-options.ts'
import { conceptValues } from './concept-values.ts'
import { makeEnsemble } from './ensemble.ts'
import { Explainer } from './explainer.ts'
import { type Captions, type ExplainedCaption, type ImageCaption, photoCaption } from './photo-caption.ts'
import { IMAGES_PER_BATCH, ImageReader, type ReadBatch, type SkippedImage } from './photo-reader.ts'
import { checkRepresents, type RepresentedImage, representBatch, splitRepresentations } from './representations.ts'
import { Representer } from './representer.ts'
import { photoSettingsFor, type SearchSettings, searchFor } from './search-settings.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** Default capacity of the queue, in images. */
const WAITING = 256

/** What to do with an image of the queue. */
type Task = 'caption' | 'explain' | 'represent'

/** What a captioner is made of. */
interface CaptionerParts {
  readonly trained: TrainedCaptioner
  readonly members: number
  readonly reader: ImageReader
  readonly decoder: ModelDecoder
  readonly queue: CaptionerOptions['queue']
}

/** An image in the queue. */
interface Request extends SearchSettings {
  readonly input: ImageInput
  readonly task: Task
}

/** The answer to a request. */
type Answer = ImageCaption | ExplainedCaption | RepresentedImage

/**
 * A trained captioner for images: feature extractor, concept detector, encoder and search. Any number of callers may
 * use it at once: a bounded queue batches their requests.
 */
export class Captioner {
  /** the host's sessions, image decoder and files */
  readonly engine: Engine
  /** the trained model, its configuration and its vocabulary; of an ensemble, the member that lists most concepts */
  readonly trained: TrainedCaptioner
  /** how many captioners say each word together */
  readonly #members: number
  readonly #reader: ImageReader
  readonly #decoder: ModelDecoder
  readonly #queue: BatchQueue<Request, Answer>
  /** what words are worth in the captions, of a detector that knows */
  readonly #valuesOf: ReturnType<typeof conceptValues>
  readonly #explainers = new CompiledCache<Explainer>(1)
  readonly #representers = new CompiledCache<Representer>(1)
  readonly #inProgress = new Set<Promise<unknown>>()
  #released = false

  protected constructor(engine: Engine, { trained, members, reader, decoder, queue }: CaptionerParts) {
    this.engine = engine
    this.trained = trained
    this.#members = members
    this.#reader = reader
    this.#decoder = decoder
    this.#valuesOf = trained.detector && conceptValues(trained.detector, trained.vocabulary)
    this.#queue = new BatchQueue(
      grouped(keyOf, (requests, signal) => this.#serve(requests, signal)),
      {
        batchSize: IMAGES_PER_BATCH,
        capacity: WAITING,
        whenFull: 'wait',
        ...queue,
      },
    )
  }

  /**
   * Opens the networks of a trained captioner, or of several that say each word together: see makeEnsemble(). Throws
   * UserError if one is missing or differs from the one of training, and for captioners that do not fit together.
   */
  static async open(
    engine: Engine,
    trained: TrainedCaptioner | readonly TrainedCaptioner[],
    options: CaptionerOptions = {},
  ): Promise<Captioner> {
    return new Captioner(engine, await Captioner.openParts(engine, [trained].flat(), options))
  }

  /** What the constructor takes, for the captioners of an ensemble or for one. */
  protected static async openParts(
    engine: Engine,
    members: readonly TrainedCaptioner[],
    { queue, precision, ...paths }: CaptionerOptions,
  ): Promise<CaptionerParts> {
    const { lead, model, weights } = makeEnsemble(members)
    const reader = await ImageReader.open(engine, lead, paths)
    try {
      const decoder = await ModelDecoder.load(engine.runtime, model, weights, { ...(precision && { precision }) })
      return { trained: lead, members: members.length, reader, decoder, queue }
    } catch (error) {
      reader.release()
      throw error
    }
  }

  /** Captions an image. Throws ImageError if it cannot be read, QueueFullError if the queue refuses it. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<ImageCaption> {
    return (await this.#ask(image, 'caption', options)) as ImageCaption
  }

  /** Captions an image and returns the attention of each word. Throws as caption() does. */
  async explain(image: ImageInput, options: CaptionOptions = {}): Promise<ExplainedCaption> {
    return (await this.#ask(image, 'explain', options)) as ExplainedCaption
  }

  /**
   * The semantic-grounded representation of an image. Throws UserError for a captioner without MIA, and as caption()
   * does.
   */
  async represent(image: ImageInput, { signal }: Pick<CaptionOptions, 'signal'> = {}): Promise<RepresentedImage> {
    checkRepresents(this.trained)
    return (await this.#ask(image, 'represent', { ...(signal && { signal }) })) as RepresentedImage
  }

  /** The images of caption(), explain() and represent() that wait for a later batch. */
  get waiting(): number {
    return this.#queue.waiting
  }

  /**
   * Captions images, decoding some while the networks work on others. Images that cannot be read are in `skipped`; they
   * do not throw.
   */
  async captionAll(images: readonly ImageInput[], options: CaptionAllOptions = {}): Promise<Captions<ImageCaption>> {
    return this.#busy(() => this.#each(images, options, async (_, captions) => captions))
  }

  /** Captions images and returns the attention of each word. Images that cannot be read are in `skipped`. */
  async explainAll(
    images: readonly ImageInput[],
    options: CaptionAllOptions = {},
  ): Promise<Captions<ExplainedCaption>> {
    return this.#busy(() => this.#explainEach(images, options))
  }

  /**
   * Captions images as captionAll() does, without holding the captions: yields the caption of each image, or why it is
   * skipped, in the order of the list, as soon as its batch is done. `onProgress` is called after each batch.
   */
  async *captionEach(
    images: readonly ImageInput[],
    options: CaptionAllOptions = {},
  ): AsyncGenerator<ImageCaption | SkippedImage> {
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
    await this.#explainers.release()
    await this.#representers.release()
    await this.#decoder.release()
  }

  /** release(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  /** Puts an image into the queue. */
  async #ask(input: ImageInput, task: Task, options: CaptionOptions): Promise<Answer> {
    this.#checkOpen()
    const settings = photoSettingsFor(this.trained.detector, options) // here, so that a mistake fails its own caller and not the batch
    return this.#queue.submit({ input, task, ...settings }, { signal: options.signal })
  }

  /** Serves requests with equal options. `signal` aborts when no caller waits any more. */
  async #serve(requests: readonly Request[], signal: AbortSignal): Promise<(Answer | Error)[]> {
    const { task, input: _, ...search } = requests[0]!
    const images = requests.map(({ input }) => input)
    const options = { ...search, signal }
    const { captions: answers, skipped } =
      task === 'represent'
        ? await this.#representEach(images, signal)
        : task === 'explain'
          ? await this.#explainEach(images, options)
          : await this.#each(images, options, async (_, each) => each)
    const results: (Answer | Error)[] = []
    for (const answer of answers) results[answer.index] = { ...answer, index: 0 }
    for (const { index, reason } of skipped) {
      const name = this.engine.pictures.nameOf(images[index]!)
      results[index] = new ImageError(name === undefined ? 'the image' : `image "${name}"`, reason)
    }
    return results
  }

  async #explainEach(images: readonly ImageInput[], options: CaptionAllOptions): Promise<Captions<ExplainedCaption>> {
    this.#requireOne('explain captions')
    return this.#withExplainer(photoSettingsFor(this.trained.detector, options).maxLength, (explainer) =>
      this.#each(images, options, async ({ images: read, features, concepts }, captions, ids) => {
        const explanations = await explainer.explain(features, concepts, ids)
        return captions.map((caption, i) => ({
          ...caption,
          input: read[i]!.input,
          allConcepts: read[i]!.concepts,
          explanation: explanations[i]!,
          boxes: read[i]!.boxes,
        }))
      }),
    )
  }

  async #representEach(images: readonly ImageInput[], signal: AbortSignal): Promise<Captions<RepresentedImage>> {
    this.#requireOne('represent images')
    const { config, model, weights } = this.trained
    const load = (): Promise<Representer> => Representer.load(this.engine.runtime, model, weights, { attention: false })
    return this.#representers.use('', load, async (representer) => {
      const all: Captions<RepresentedImage> = { captions: [], skipped: [] }
      for await (const batch of this.#reader.read(images)) {
        signal.throwIfAborted()
        all.skipped.push(...batch.skipped)
        if (batch.images.length === 0) continue
        const tensors = await representBatch(representer, batch, config.model.regions)
        all.captions.push(...splitRepresentations(batch, tensors))
      }
      return all
    })
  }

  /** Works with an explainer for captions of that length. Lengths are rounded up, so that most callers share one. */
  #withExplainer<T>(maxLength: number, work: (explainer: Explainer) => Promise<T>): Promise<T> {
    const { model, weights } = this.trained
    const steps = Math.ceil(maxLength / DEFAULT_MAX_LENGTH) * DEFAULT_MAX_LENGTH
    const load = (): Promise<Explainer> => Explainer.load(this.engine.runtime, model, weights, steps)
    return this.#explainers.use(`${steps}`, load, work)
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

  /** Throws UserError if this is an ensemble: its members attend and represent each in its own way. */
  #requireOne(what: string): void {
    if (this.#members > 1)
      throw new UserError(`Cannot ${what} by ${this.#members} runs together: each does so in its own way; use one run`)
  }

  #checkOpen(): void {
    if (this.#released) throw new UserError('Cannot caption: this captioner was released; load another')
  }

  /** Captions all batches, see #batches(). */
  async #each<T>(
    images: readonly ImageInput[],
    options: CaptionAllOptions,
    finish: (batch: ReadBatch, captions: ImageCaption[], ids: readonly (readonly number[])[]) => Promise<T[]>,
  ): Promise<Captions<T>> {
    const all: Captions<T> = { captions: [], skipped: [] }
    for await (const { captions, skipped } of this.#batches(images, options, finish)) {
      all.captions.push(...captions)
      all.skipped.push(...skipped)
    }
    return all
  }

  /** Captions batch by batch; `finish` makes the results from a batch's captions and their word ids. */
  async *#batches<T>(
    images: readonly ImageInput[],
    { onProgress, signal, ...options }: CaptionAllOptions,
    finish: (batch: ReadBatch, captions: ImageCaption[], ids: readonly (readonly number[])[]) => Promise<T[]>,
  ): AsyncGenerator<Captions<T>> {
    const { vocabulary, detector } = this.trained
    const optionsOf = searchFor(photoSettingsFor(detector, options), vocabulary)
    let done = 0
    for await (const batch of this.#reader.read(images)) {
      signal?.throwIfAborted()
      const { images: read, skipped } = batch
      const captions: T[] = []
      if (read.length > 0) {
        const names = read.map(({ input }) => this.engine.pictures.nameOf(input) ?? '')
        const values = this.#valuesOf && read.map(({ concepts }) => this.#valuesOf!(concepts))
        const search = { ...optionsOf(names, values), ...(signal && { signal }) }
        const generated = await captionBatch(this.#decoder, { ...batch, images: read.length }, vocabulary, search)
        const each = generated.map((caption, i) => photoCaption(read[i]!, caption, this.trained))
        const ids = generated.map(({ words }) => words)
        captions.push(...(await finish(batch, each, ids)))
      }
      done += captions.length + skipped.length
      onProgress?.(done, images.length)
      yield { captions, skipped: [...skipped] }
    }
  }
}

/** Requests with equal keys go through the model together: those with the same task and search. */
const keyOf = ({ input: _, ...settings }: Request): string => JSON.stringify(settings)
