import { refuse } from '../annotations/refuse.ts'
import type { Progress } from '../progress.ts'
import { counted, thousands } from '../wording.ts'
import { type BootstrapOptions, bootstrap, type Comparison, compare, type Interval } from './bootstrap.ts'
import { type Diversity, diversity } from './diversity.ts'
import { documentFrequencies, readFrequencies, writeFrequencies } from './document-frequencies.ts'
import { FAMILIES, type Family, type ImageFamily } from './families.ts'
import { type Files, type Gathered, gather, gatherOther, scoredTokens } from './gather.ts'
import { Paraphrases } from './meteor/paraphrases.ts'
import type { ImageMetric, Metric, MetricName, Score } from './metric.ts'
import { captionsOfSplit } from './reference-files.ts'

/** Increased whenever a change in the code changes a score: part of every signature. */
const VERSION = 2

/** Input of evaluate(): the content of files, validated by evaluate(), and options. */
export interface EvaluationInput extends Files {
  /** Names of metrics (`bleu`) or of scores (`Bleu_4`), in any case; by default all except `cider-plain`. */
  readonly metrics?: readonly string[] | undefined
  /** Additional metrics, such as SPICE from its jar, or CLIPScore. */
  readonly more?: readonly (Family | ImageFamily)[] | undefined
  /** Document frequencies of another corpus for CIDEr, as writeFrequencies() makes them. */
  readonly documentFrequencies?: unknown
  /** The text of METEOR's paraphrase table, `paraphrase-en`. */
  readonly paraphrases?: string | undefined
  /** The training captions in any form of the references, for the fraction of novel captions. */
  readonly training?: unknown
  /** Computes 95% confidence intervals. */
  readonly bootstrap?: BootstrapOptions | undefined
  /** Another system's results on the same images, for a paired bootstrap test. */
  readonly compare?: unknown
  /** Called after each metric, in metrics. */
  readonly onProgress?: Progress | undefined
}

/** A corpus score. */
export interface CorpusScore {
  readonly name: MetricName
  readonly score: number
  /** The worst and the best possible value. */
  readonly range: readonly [number, number]
  /** All choices that the value depends on, like sacrebleu's signatures: only scores with equal signatures compare. */
  readonly signature: string
  /** 95% confidence interval, if `bootstrap` was given. */
  readonly interval?: Interval
  /** Comparison with the other system, if `compare` was given. */
  readonly comparison?: Comparison
}

/** A caption with its references and scores. */
export interface ImageScores {
  /** The image id as the results file has it. */
  readonly image_id: string | number
  readonly caption: string
  readonly references: readonly string[]
  /** By name; NaN where a score is undefined for the image. */
  readonly scores: Readonly<Partial<Record<MetricName, number>>>
  /** The image's file, if the references name it. */
  readonly file?: string
}

/** The result of evaluate(): plain data that can be written as JSON. */
export interface Evaluation {
  readonly scores: readonly CorpusScore[]
  /** In the order of the references. */
  readonly images: readonly ImageScores[]
  readonly diversity: Diversity
  /** Remarks for the reader of the scores, in sentences. */
  readonly notes: readonly string[]
  /** The forms in which the files were read, as in "COCO annotations". */
  readonly forms: Forms
}

/** The forms in which the files of an evaluation were read, in words. */
export interface Forms {
  readonly references: string
  readonly results: string
  /** Present if `compare` was given. */
  readonly compare?: string
}

/** A computed score with its metric. */
interface Scored {
  readonly metric: Metric | ImageMetric
  readonly name: MetricName
  readonly score: Score
}

const DEFAULT_BOOTSTRAP: BootstrapOptions = { samples: 1000, seed: 1 }

/**
 * Scores a results file against a references file as coco-caption does, tokenising both. Throws UserError for files in
 * another format, unknown metrics, and results that lack images, repeat them, or have images without references.
 */
export async function evaluate(input: EvaluationInput): Promise<Evaluation> {
  const more = input.more ?? []
  const wanted = [...choose(input.metrics, more), ...more.map((family) => ({ family, names: family.usual }))]
  const gathered = gather(input)
  const resources = {
    documentFrequencies:
      input.documentFrequencies === undefined ? undefined : readFrequencies(input.documentFrequencies),
    paraphrases: input.paraphrases === undefined ? undefined : new Paraphrases(input.paraphrases),
  }
  const other =
    input.compare === undefined ? undefined : gatherOther(input.compare, gathered, input.emptyAsZero ?? false)
  const scored: Scored[] = []
  const others: Score[] = []
  for (const [done, { family, names }] of wanted.entries()) {
    const metric = await family.load(resources)
    const scoresOf = scoring(metric, gathered)
    const scores = await scoresOf(gathered)
    for (const name of names) scored.push({ metric, name, score: scores.get(name)! })
    if (other) {
      const otherScores = await scoresOf(other)
      for (const name of names) others.push(otherScores.get(name)!)
    }
    input.onProgress?.(done + 1, wanted.length)
  }
  const all = scored.map(({ score }) => score)
  const intervals = input.bootstrap && bootstrap(all, input.bootstrap)
  const comparisons = other && compare(all, others, input.bootstrap ?? DEFAULT_BOOTSTRAP)
  return {
    scores: scored.map(({ metric, name, score }, i) => ({
      name,
      score: score.corpus,
      range: [0, metric.best],
      signature: [name, ...choicesOf(metric), ...sizes(gathered), `version:${VERSION}`].join('|'),
      ...(intervals && { interval: intervals[i]! }),
      ...(comparisons && { comparison: comparisons[i]! }),
    })),
    images: gathered.imageIds.map((image_id, i) => ({
      image_id,
      caption: gathered.captions[i]!,
      references: gathered.references[i]!,
      scores: Object.fromEntries(scored.map(({ name, score }) => [name, score.each[i]])),
      ...(gathered.files[i] !== undefined && { file: gathered.files[i] }),
    })),
    diversity: diversity(gathered.allTokens, {
      training: input.training === undefined ? undefined : captionsOf(input.training),
      documentFrequencies: resources.documentFrequencies ?? documentFrequencies(gathered.referenceTokens),
    }),
    notes: [...gathered.notes, ...notesOn(gathered, scored, resources.documentFrequencies !== undefined)],
    forms: { ...gathered.forms, ...(other && { compare: other.form }) },
  }
}

/** One caption of each gathered image, as written and tokenised. */
type Candidates = Pick<Gathered, 'captions' | 'candidateTokens'>

/** Prepares the references once; returns the function that scores captions. */
function scoring(metric: Metric | ImageMetric, { imageIds, files, references, referenceTokens }: Gathered) {
  if ('prepare' in metric) {
    const scorer = metric.prepare(referenceTokens)
    return async ({ candidateTokens }: Candidates) => scorer.score(candidateTokens)
  }
  return ({ captions }: Candidates) =>
    metric.score(imageIds.map((id, i) => ({ id, file: files[i], caption: captions[i]!, references: references[i]! })))
}

/** A metric's part of the signature. A metric of the images reads captions with a tokeniser of its own. */
const choicesOf = (metric: Metric | ImageMetric): string[] =>
  'prepare' in metric ? ['tok:ptb-3.4.1', metric.choices] : [metric.choices]

/**
 * The requested families, each with its requested scores. The additional metrics `more` may be named too. Throws
 * UserError for an unknown name.
 */
function choose(
  metrics: readonly string[] | undefined,
  more: readonly Pick<Family, 'name' | 'scores'>[],
): { family: Family; names: readonly MetricName[] }[] {
  if (!metrics) return FAMILIES.flatMap((family) => (family.usual.length > 0 ? [{ family, names: family.usual }] : []))
  const requested = new Set(metrics.map((name) => name.toLowerCase()))
  const known = [...FAMILIES, ...more].flatMap(({ name, scores }) => [name, ...scores])
  const unknown = metrics.filter((name) => !known.some((other) => other.toLowerCase() === name.toLowerCase()))
  refuse('score results', unknown, 'metric', 'not known', `the metrics and scores are ${known.join(', ')}`)
  return FAMILIES.flatMap((family) => {
    const names = family.scores.filter((name) => requested.has(family.name) || requested.has(name.toLowerCase()))
    return names.length > 0 ? [{ family, names }] : []
  })
}

/**
 * Document frequencies of a references file, parsed JSON or an AnnotationFile, as a plain object for JSON.stringify().
 * `split` is the split of Karpathy's file, `train` by default. Throws UserError as readReferences() does.
 */
export function frequenciesOf(references: unknown, split?: string): object {
  const captions = captionsOfSplit(references, 'references', split ?? 'train')
  return writeFrequencies(documentFrequencies(captions.map((texts) => texts.map(scoredTokens))))
}

/** The training captions, tokenised and joined by spaces for diversity(). */
function captionsOf(training: unknown): Set<string> {
  const captions = captionsOfSplit(training, 'training captions', 'train').flat()
  return new Set(captions.map((caption) => scoredTokens(caption).join(' ')))
}

/** The signature's number of references per image and number of images. */
function sizes({ references }: Gathered): string[] {
  const counts = references.map((captions) => captions.length)
  const [fewest, most] = counts.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [Infinity, 0])
  return [`refs:${fewest === most ? most : `${fewest}-${most}`}`, `images:${references.length}`]
}

/** The notes of an evaluation; `saved`, whether CIDEr has saved document frequencies. */
function notesOn({ ids, available, candidateTokens }: Gathered, scored: readonly Scored[], saved: boolean): string[] {
  const notes: string[] = []
  if (ids.length < available)
    notes.push(`Scored ${counted(ids.length, 'image')} of ${thousands(available)}: those with results.`)
  if (ids.length === 1 && !saved && scored.some(({ name }) => name.startsWith('CIDEr')))
    notes.push('CIDEr of one image is always 0: its idf weights need several images or --document-frequencies.')
  const wordless = candidateTokens.filter((tokens) => tokens.length === 0).length
  if (wordless > 0) notes.push(`${counted(wordless, 'caption')} without words.`)
  return notes
}
