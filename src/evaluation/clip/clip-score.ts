import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import { UserError } from '../../errors.ts'
import type { CaptionedImage, ImageFamily, ImageMetric, MetricName, Score } from '../../metrics/index.ts'
import { meanScore } from '../../metrics/metric.ts'
import type { Progress } from '../../progress.ts'
import { inOrder } from '../../vision/in-order.ts'
import { Clip, type Embedding } from './clip.ts'

/** The prompt and the scale of the CLIPScore paper (Hessel et al., EMNLP 2021, section 3). */
const PROMPT = 'A photo depicts '
const SCALE = 2.5
/** The best RefCLIPScore: the harmonic mean of the best CLIPScore and a cosine of 1. */
const BEST_HARMONIC = (2 * SCALE) / (SCALE + 1)
/** Pictures decoded ahead. */
const READ_AHEAD = 4

/** Where CLIPScore finds the model and the pictures. */
export interface ClipScoreOptions {
  /** The folder of the CLIP model, see Clip.open(). */
  readonly clip: string
  /** The folder of the pictures. */
  readonly images: string
  /** Called after each picture, in pictures. */
  readonly onProgress?: Progress | undefined
}

/** The metrics that share a model; release() frees it once they are no longer needed. */
export interface ClipScores {
  readonly families: readonly ImageFamily[]
  release(): Promise<void>
}

/**
 * CLIPScore and RefCLIPScore (Hessel et al., EMNLP 2021) with the user's CLIP, for evaluate(). They share one model,
 * which is loaded when the first of them is computed. CLIPScore is 2.5 max(cos, 0) of picture and caption; RefCLIPScore
 * is its harmonic mean with the largest cosine of the caption and a reference. Throws UserError if the model cannot be
 * used or a picture is missing, and ImageError if a picture cannot be read.
 */
export function clipScores(engine: Engine, options: ClipScoreOptions): ClipScores {
  let opened: Promise<Embedder> | undefined
  const embedder = () => {
    opened ??= Clip.open(engine, options.clip).then((clip) => new Embedder(clip, options))
    return opened
  }
  const family = (name: 'CLIPScore' | 'RefCLIPScore', best: number): ImageFamily => ({
    name: name.toLowerCase(),
    scores: [name],
    usual: [name],
    load: async () => metricOf(name, best, await embedder()),
  })
  return {
    families: [family('CLIPScore', SCALE), family('RefCLIPScore', BEST_HARMONIC)],
    release: async () => (await opened?.catch(() => undefined))?.clip.release(),
  }
}

function metricOf(name: MetricName, best: number, embedder: Embedder): ImageMetric {
  const { clip } = embedder
  return {
    names: [name],
    choices: `clip:${clip.digest}|prompt:${PROMPT.trim().replaceAll(' ', '-')}|w:${SCALE}|pixels:${clip.imageSize}-bicubic`,
    best,
    async score(images) {
      const each: number[] = []
      const pictures = await embedder.pictures(images)
      const captions = await embedder.texts(images.map(({ caption }) => caption))
      const references =
        name === 'RefCLIPScore' ? await embedder.texts(images.flatMap((image) => image.references)) : []
      let first = 0
      for (const [i, image] of images.entries()) {
        const caption = captions[i]!
        const score = SCALE * Math.max(cosine(pictures[i]!, caption), 0)
        const own = references.slice(first, first + image.references.length)
        first += image.references.length
        each.push(
          name === 'CLIPScore' ? score : harmonicMean(score, Math.max(...own.map((text) => cosine(caption, text)))),
        )
      }
      return new Map<MetricName, Score>([[name, meanScore(each)]])
    },
  }
}

/** The harmonic mean as the paper's code computes it, and 0 where that divides by zero. */
function harmonicMean(a: number, b: number): number {
  const mean = (2 * a * b) / (a + b)
  return Number.isNaN(mean) ? 0 : mean
}

function cosine(a: Embedding, b: Embedding): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Embeds pictures and captions, each once. */
class Embedder {
  readonly clip: Clip
  readonly #options: ClipScoreOptions
  readonly #pictures = new Map<string, Embedding>()
  readonly #texts = new Map<string, Embedding>()

  constructor(clip: Clip, options: ClipScoreOptions) {
    this.clip = clip
    this.#options = options
  }

  /** The embeddings of the images' pictures. */
  async pictures(images: readonly CaptionedImage[]): Promise<Embedding[]> {
    const { images: folder, onProgress } = this.#options
    const paths = images.map((image) => findPicture(folder, image))
    const unknown = [...new Set(paths)].filter((path) => !this.#pictures.has(path))
    let done = 0
    for await (const [path, embedding] of inOrder(
      unknown,
      async (path) => [path, await this.clip.embedPicture(path)] as const,
      READ_AHEAD,
    )) {
      this.#pictures.set(path, embedding)
      onProgress?.(++done, unknown.length)
    }
    return paths.map((path) => this.#pictures.get(path)!)
  }

  /** The embeddings of captions with the prompt before them. */
  async texts(captions: readonly string[]): Promise<Embedding[]> {
    const unknown = [...new Set(captions)].filter((caption) => !this.#texts.has(caption))
    const embeddings = await this.clip.embedTexts(unknown.map((caption) => PROMPT + caption))
    for (const [i, caption] of unknown.entries()) this.#texts.set(caption, embeddings[i]!)
    return captions.map((caption) => this.#texts.get(caption)!)
  }
}

const ENDINGS = ['jpg', 'jpeg', 'png', 'webp']

/**
 * The path of an image's picture: the file that the references name, or a file named after the image id, with COCO's
 * twelve digits too. Throws UserError, with the names that were tried, if the folder has none.
 */
function findPicture(folder: string, { id, file }: CaptionedImage): string {
  const text = String(id)
  const padded = text.padStart(12, '0')
  const names = [
    ...(file === undefined ? [] : [file, file.replace(/^.*[/\\]/, '')]),
    text,
    ...ENDINGS.map((ending) => `${text}.${ending}`),
    ...(/^\d+$/.test(text)
      ? [`${padded}.jpg`, ...['val', 'train', 'test'].map((split) => `COCO_${split}2014_${padded}.jpg`)]
      : []),
  ]
  const found = names.find((name) => isInside(folder, name) && existsSync(join(folder, name)))
  if (found !== undefined) return join(folder, found)
  const shown = file ?? `${text}.jpg`
  throw new UserError(
    `Cannot compute CLIPScore: no picture of image ${JSON.stringify(text)} in "${folder}" (it should be ${JSON.stringify(shown)}); ` +
      'give the folder of the pictures with --images',
  )
}

/** Whether a name stays in the folder; one such as `../a.jpg` from someone else's file does not. */
function isInside(folder: string, name: string): boolean {
  const inside = relative(folder, resolve(folder, name))
  return inside !== '' && !isAbsolute(inside) && !/^\.\.([/\\]|$)/.test(inside)
}
