import { resolve } from 'node:path'
import { CaptionerDecoder } from './decode/captioner-stepper.ts'
import { UserError } from './errors.ts'
import type { Watch } from './progress.ts'
import { toFloat16 } from './runtime/float16.ts'
import { nodeRuntime } from './runtime/node.ts'
import { detectorFor } from './train/concept-files.ts'
import { ConceptInference } from './train/concept-inference.ts'
import { captionAll, type ImageInputs } from './train/evaluation.ts'
import { openRun, type Run } from './train/run.ts'
import {
  decodeImage,
  describeSource,
  ImageError,
  type Network,
  normalise,
  openBackbone,
  sameSource,
  sourceOf,
} from './vision/index.ts'

/** A caption of a photograph. */
export interface PhotoCaption {
  /** the path given, or its place in the list for bytes */
  readonly image: string
  readonly caption: string
  /** the probability that the model gives the whole caption, from 0 to 1 */
  readonly probability: number
  /** the most confident concepts found, best first; empty for models that use none */
  readonly concepts: readonly { readonly word: string; readonly score: number }[]
}

/** A photograph that could not be captioned. */
export interface Refused {
  readonly image: string
  readonly why: string
}

export interface CaptionOptions extends Watch {
  /** hypotheses kept while searching; 1 is greedy */
  readonly beam?: number
  /** words a caption may have, the closing one counted */
  readonly maxLength?: number
}

/** How many concepts are told of each photograph. */
const TOLD_CONCEPTS = 8
const IMAGES_PER_BATCH = 16

/** A trained run at work on photographs: network, concept detector and captioner. */
export class PhotoCaptioner {
  readonly #run: Run
  readonly #network: Network
  readonly #detector: ConceptInference | undefined
  readonly #decoder: CaptionerDecoder

  private constructor(run: Run, network: Network, detector: ConceptInference | undefined, decoder: CaptionerDecoder) {
    this.#run = run
    this.#network = network
    this.#detector = detector
    this.#decoder = decoder
  }

  /** Opens a run's folder; `cnn` is the network's file if it is not where it was. Throws UserError where a part is missing or is another. */
  static async load(folder: string, { cnn }: { readonly cnn?: string } = {}): Promise<PhotoCaptioner> {
    const run = await openRun(folder)
    const { features } = run.config
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
        `Cannot caption with run "${folder}": ${error.message}; give the network (sha256 ${features.network.sha256.slice(0, 12)}) with --cnn`,
      )
    })
    if (!sameSource(sourceOf(network), features))
      throw new UserError(
        `Cannot caption with run "${folder}" and network "${path}": its features are ${describeSource(sourceOf(network))}; the run needs ${describeSource(features)}`,
      )
    const { detector } = run
    const inference =
      detector &&
      (await ConceptInference.load(
        nodeRuntime,
        detectorFor(detector.info.words.length, features),
        detector.weights,
        run.config.model.concepts,
      ))
    return new PhotoCaptioner(run, network, inference, await CaptionerDecoder.load(nodeRuntime, run.model, run.weights))
  }

  /** Captions photographs, given as paths or as the bytes of files. Those that cannot be read are told apart, not thrown. */
  async caption(
    images: readonly (string | Buffer)[],
    { beam = 3, maxLength = 20, onProgress, signal }: CaptionOptions = {},
  ): Promise<{ captions: PhotoCaption[]; refused: Refused[] }> {
    const captions: PhotoCaption[] = []
    const refused: Refused[] = []
    for (let start = 0; start < images.length; start += IMAGES_PER_BATCH) {
      signal?.throwIfAborted()
      const names = images
        .slice(start, start + IMAGES_PER_BATCH)
        .map((image, i) => (typeof image === 'string' ? image : String(start + i)))
      const seen = await this.#look(images.slice(start, start + IMAGES_PER_BATCH), names, refused)
      if (seen.names.length > 0) {
        const { concepts, ids } = await this.#concepts(seen.features, seen.names.length)
        const inputs: ImageInputs = { features: async () => seen.features, concepts: () => ids }
        const { vocabulary } = this.#run
        const made = await captionAll(this.#decoder, inputs, seen.names, {
          vocabulary,
          beam,
          maxLength,
          ...(signal && { signal }),
        })
        for (const [i, { id, caption, logProb }] of made.entries())
          captions.push({ image: id, caption, probability: Math.exp(logProb), concepts: concepts[i]! })
      }
      onProgress?.(Math.min(start + IMAGES_PER_BATCH, images.length), images.length)
    }
    return { captions, refused }
  }

  async release(): Promise<void> {
    this.#network.release()
    this.#detector?.release()
    await this.#decoder.release()
  }

  /** The features of those photographs that can be read. */
  async #look(
    images: readonly (string | Buffer)[],
    names: readonly string[],
    refused: Refused[],
  ): Promise<{ features: Uint16Array; names: string[] }> {
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
    for (const [i, picture] of decoded.entries()) {
      if (picture instanceof ImageError) {
        refused.push({ image: names[i]!, why: picture.why })
        continue
      }
      normalise(picture, input, pixels.subarray(readable.length * length, (readable.length + 1) * length))
      readable.push(names[i]!)
    }
    if (readable.length === 0) return { features: new Uint16Array(), names: readable }
    return {
      features: toFloat16(await this.#network.run(pixels.subarray(0, readable.length * length), readable.length)),
      names: readable,
    }
  }

  async #concepts(
    features: Uint16Array,
    count: number,
  ): Promise<{ concepts: PhotoCaption['concepts'][]; ids: Int32Array }> {
    const { concepts: most } = this.#run.config.model
    const ids = new Int32Array(count * most)
    if (!this.#detector) return { concepts: Array.from({ length: count }, () => []), ids }
    const names = this.#run.detector!.info.words
    const { words, scores } = await this.#detector.best(features)
    for (const [i, word] of words.entries()) ids[i] = this.#run.vocabulary.id(names[word]!)
    const concepts = Array.from({ length: count }, (_, image) =>
      Array.from({ length: Math.min(TOLD_CONCEPTS, most) }, (_, k) => ({
        word: names[words[image * most + k]!]!,
        score: scores[image * most + k]!,
      })),
    )
    return { concepts, ids }
  }
}
