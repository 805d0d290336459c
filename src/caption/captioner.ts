import { openRun } from '../disk/run.ts'
import { UserError } from '../errors.ts'
import { PRETRAINED } from '../hosts/node/pretrained.ts'
import { nodeRuntime } from '../hosts/node/runtime.ts'
import type { Watch } from '../progress.ts'
import { CaptionerDecoder } from '../search/model-stepper.ts'
import { ImageError, type ImageInput, nameOf } from '../vision/index.ts'
import { captionAll, confidenceOf, type ImageInputs } from './caption-all.ts'
import { Explainer, type Explanation } from './explainer.ts'
import type { NetworkPaths } from './feature-extractor.ts'
import { type FoundConcept, PhotoReader, type ReadPhotos, type Refused } from './photo-reader.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** A caption of a photograph. */
export interface PhotoCaption {
  /** the path given, or where it is no file its place in the list */
  readonly image: string
  readonly caption: string
  /** its words, each with the probability that the model gave it after the words before it, from 0 to 1 */
  readonly words: readonly { readonly word: string; readonly probability: number }[]
  /** the probability that the model gives the whole caption, from 0 to 1 */
  readonly probability: number
  /** how sure the model is of a word on average, the geometric mean of the words' probabilities: unlike the whole's it does not fall with the length */
  readonly confidence: number
  /** the most confident concepts found, best first; empty for models that use none */
  readonly concepts: readonly FoundConcept[]
}

/** A caption and why: what the model looked at. */
export interface ExplainedCaption extends PhotoCaption {
  /** the photograph itself, as it was given */
  readonly picture: ImageInput
  /** all concepts that the model was given, in the order of the alignments' columns */
  readonly allConcepts: readonly FoundConcept[]
  readonly explanation: Explanation
  /** left, top, right, bottom of each region, in parts of the picture's width and height, `[regions, 4]` */
  readonly boxes: Float32Array
}

export interface CaptionOptions extends Watch {
  /** hypotheses kept while searching; 1 is greedy */
  readonly beam?: number
  /** words a caption may have, the closing one counted */
  readonly maxLength?: number
}

/** Captions of photographs, and which have none. */
export interface Captions<T> {
  readonly captions: T[]
  readonly refused: Refused[]
}

/** How many concepts are told of each photograph. */
const TOLD_CONCEPTS = 8

/** A trained run at work on photographs: network, concept detector and captioner. */
export class PhotoCaptioner {
  readonly run: TrainedCaptioner
  readonly #reader: PhotoReader
  readonly #decoder: CaptionerDecoder
  readonly #underWay = new Set<Promise<unknown>>()
  #released = false

  private constructor(run: TrainedCaptioner, reader: PhotoReader, decoder: CaptionerDecoder) {
    this.run = run
    this.#reader = reader
    this.#decoder = decoder
  }

  /** Opens a run's folder, by default the captioner that comes with this package; the networks' files are given if they are not where they were. Throws UserError where a part is missing or is another. */
  static async load(folder: string = PRETRAINED, options: NetworkPaths = {}): Promise<PhotoCaptioner> {
    const run = await openRun(folder)
    const reader = await PhotoReader.open(run, options)
    return new PhotoCaptioner(run, reader, await CaptionerDecoder.load(nodeRuntime, run.model, run.weights))
  }

  /** Captions a photograph. Throws ImageError where it cannot be read. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<PhotoCaption> {
    return only(image, await this.captionAll([image], options))
  }

  /** Captions a photograph and says what the model looked at for each word. Throws ImageError where it cannot be read. */
  async explain(image: ImageInput, options: CaptionOptions = {}): Promise<ExplainedCaption> {
    return only(image, await this.explainAll([image], options))
  }

  /** Captions photographs, decoding some while the networks work on others. Those that cannot be read are told apart, not thrown. */
  async captionAll(images: readonly ImageInput[], options: CaptionOptions = {}): Promise<Captions<PhotoCaption>> {
    return this.#busy(() => this.#each(images, options, async (_, captions) => captions))
  }

  /** Captions photographs and says what the model looked at for each word. */
  async explainAll(images: readonly ImageInput[], options: CaptionOptions = {}): Promise<Captions<ExplainedCaption>> {
    return this.#busy(() => this.#explainEach(images, options))
  }

  async #explainEach(images: readonly ImageInput[], options: CaptionOptions): Promise<Captions<ExplainedCaption>> {
    const { model, weights } = this.run
    const explainer = await Explainer.load(nodeRuntime, model, weights, options.maxLength ?? MAX_LENGTH)
    return this.#each(images, options, async (read, captions, ids) => {
      const explanations = await explainer.explain(read.features, read.conceptIds, ids)
      return captions.map((caption, i) => ({
        ...caption,
        picture: read.images[i]!,
        allConcepts: read.concepts[i]!,
        explanation: explanations[i]!,
        boxes: read.boxes[i]!,
      }))
    }).finally(() => explainer.release())
  }

  /** Frees the models, after the captions under way. Whoever asks for captions later gets a UserError. */
  async release(): Promise<void> {
    this.#released = true
    await Promise.allSettled(this.#underWay)
    this.#reader.release()
    await this.#decoder.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  /** Does work that release() waits for. */
  async #busy<T>(work: () => Promise<T>): Promise<T> {
    if (this.#released) throw new UserError('Cannot caption: this captioner was released; load another')
    const promise = work()
    this.#underWay.add(promise)
    try {
      return await promise
    } finally {
      this.#underWay.delete(promise)
    }
  }

  /** Captions batch by batch; `finish` makes of a batch's captions, whose words it also gets as ids, what is wanted. */
  async #each<T>(
    images: readonly ImageInput[],
    { beam = 3, maxLength = MAX_LENGTH, onProgress, signal }: CaptionOptions,
    finish: (read: ReadPhotos, captions: PhotoCaption[], ids: readonly (readonly number[])[]) => Promise<T[]>,
  ): Promise<Captions<T>> {
    const captions: T[] = []
    const refused: Refused[] = []
    for await (const read of this.#reader.read(images)) {
      signal?.throwIfAborted()
      refused.push(...read.refused)
      const { vocabulary } = this.run
      const inputs: ImageInputs = { features: async () => read.features, concepts: () => read.conceptIds }
      const search = { vocabulary, beam, maxLength, ...(signal && { signal }) }
      const made = await captionAll(this.#decoder, inputs, read.names, search)
      const told = made.map(({ id, caption, words, wordLogProbs, logProb }, i) => ({
        image: id,
        caption,
        words: vocabulary.decode(words).map((word, t) => ({ word, probability: Math.exp(wordLogProbs[t]!) })),
        probability: Math.exp(logProb),
        confidence: confidenceOf({ words, logProb }),
        concepts: read.concepts[i]!.slice(0, TOLD_CONCEPTS),
      }))
      if (told.length > 0)
        captions.push(
          ...(await finish(
            read,
            told,
            made.map(({ words }) => words),
          )),
        )
      onProgress?.(captions.length + refused.length, images.length)
    }
    return { captions, refused }
  }
}

const MAX_LENGTH = 20

/** The caption of the only photograph. */
function only<T>(image: ImageInput, { captions: [caption], refused: [refused] }: Captions<T>): T {
  const name = nameOf(image)
  if (refused) throw new ImageError(name === undefined ? 'the picture' : `image "${name}"`, refused.why)
  return caption!
}
