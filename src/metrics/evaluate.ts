import type { Progress } from '../progress.ts'
import { counted, thousands } from '../wording.ts'
import { type BootstrapOptions, bootstrap, type Comparison, compare, type Interval } from './bootstrap.ts'
import { type Diversity, diversity } from './diversity.ts'
import { documentFrequencies, readFrequencies, writeFrequencies } from './document-frequencies.ts'
import { FAMILIES, type Family } from './families.ts'
import { type Files, type Gathered, gather, gatherOther, scoredTokens } from './gather.ts'
import { Paraphrases } from './meteor/paraphrases.ts'
import type { Metric, MetricName, Score } from './metric.ts'
import { readReferences } from './reference-files.ts'
import { refuse } from './refuse.ts'

/** Rises whenever a score of the same captions changes. */
const VERSION = 1

/** What to score, the parsed JSON of files not checked yet, and how. */
export interface EvaluationInput extends Files {
  /** names of metrics (`bleu`) or of scores (`Bleu_4`); by default the usual metrics */
  readonly metrics?: readonly string[] | undefined
  /** metrics of one's own, computed beside those */
  readonly more?: readonly Family[] | undefined
  /** document frequencies of another corpus, for CIDEr: what writeFrequencies() made */
  readonly documentFrequencies?: unknown
  /** the text of METEOR's table of paraphrases */
  readonly paraphrases?: string | undefined
  /** the captions that the system learned from, in one of the references' forms: which of its captions are novel? */
  readonly training?: unknown
  /** how sure the scores are */
  readonly bootstrap?: BootstrapOptions | undefined
  /** another system's results on the same images: which is better? */
  readonly compare?: unknown
  /** called after each metric with the numbers of metrics done and of all */
  readonly onProgress?: Progress | undefined
}

/** One score of all images together. */
export interface CorpusScore {
  readonly name: MetricName
  readonly score: number
  /** the worst and the best value possible */
  readonly range: readonly [number, number]
  /** everything the value depends on beside the captions: numbers with other signatures do not compare */
  readonly signature: string
  /** in which 95% of the bootstrap's scores lie */
  readonly interval?: Interval
  readonly comparison?: Comparison
}

/** The scores of one caption. */
export interface ImageScores {
  readonly image_id: string | number
  readonly caption: string
  readonly references: readonly string[]
  readonly scores: Readonly<Partial<Record<MetricName, number>>>
}

/** What `evaluate` finds; plain data, to be printed or written as JSON. */
export interface Evaluation {
  readonly scores: readonly CorpusScore[]
  /** in the order of the references */
  readonly images: readonly ImageScores[]
  readonly diversity: Diversity
  /** what a reader of the scores should know, in sentences */
  readonly notes: readonly string[]
}

interface Scored {
  readonly metric: Metric
  readonly name: MetricName
  readonly score: Score
}

const DEFAULT_BOOTSTRAP: BootstrapOptions = { samples: 1000, seed: 1 }

/**
 * Scores a results file against a references file as coco-caption does, tokenising both.
 * Throws UserError for files of another form, metrics that do not exist, and results that lack images, repeat them, or
 * have some that the references have not.
 */
export async function evaluate(input: EvaluationInput): Promise<Evaluation> {
  const wanted = [...choose(input.metrics), ...(input.more ?? []).map((family) => ({ family, names: family.usual }))]
  const gathered = gather(input)
  const resources = {
    documentFrequencies:
      input.documentFrequencies === undefined ? undefined : readFrequencies(input.documentFrequencies),
    paraphrases: input.paraphrases === undefined ? undefined : new Paraphrases(input.paraphrases),
  }
  const other =
    input.compare === undefined ? undefined : gatherOther(input.compare, gathered.ids, input.emptyAsZero ?? false)
  const scored: Scored[] = []
  const others: Score[] = []
  for (const [done, { family, names }] of wanted.entries()) {
    const metric = await family.load(resources)
    const scorer = metric.prepare(gathered.referenceTokens)
    const scores = scorer.score(gathered.candidateTokens)
    for (const name of names) scored.push({ metric, name, score: scores.get(name)! })
    if (other) {
      const theirs = scorer.score(other)
      for (const name of names) others.push(theirs.get(name)!)
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
      signature: [name, 'tok:ptb-3.4.1', metric.choices, ...sizes(gathered), `version:${VERSION}`].join('|'),
      ...(intervals && { interval: intervals[i]! }),
      ...(comparisons && { comparison: comparisons[i]! }),
    })),
    images: gathered.imageIds.map((image_id, i) => ({
      image_id,
      caption: gathered.captions[i]!,
      references: gathered.references[i]!,
      scores: Object.fromEntries(scored.map(({ name, score }) => [name, score.each[i]])),
    })),
    diversity: diversity(gathered.allTokens, {
      training: input.training === undefined ? undefined : captionsOf(input.training),
      documentFrequencies: resources.documentFrequencies ?? documentFrequencies(gathered.referenceTokens),
    }),
    notes: notesOn(gathered, scored, resources.documentFrequencies !== undefined),
  }
}

/** The families asked for, each with the scores asked for. Throws UserError for a name that is neither a family's nor a score's. */
function choose(metrics: readonly string[] | undefined): { family: Family; names: readonly MetricName[] }[] {
  if (!metrics) return FAMILIES.flatMap((family) => (family.usual.length > 0 ? [{ family, names: family.usual }] : []))
  const asked = new Set(metrics.map((name) => name.toLowerCase()))
  const known = FAMILIES.flatMap(({ name, scores }) => [name, ...scores])
  const unknown = metrics.filter((name) => !known.some((other) => other.toLowerCase() === name.toLowerCase()))
  refuse('score results', unknown, 'metric', 'not known', `there are ${known.join(', ')}`)
  return FAMILIES.flatMap((family) => {
    const names = family.scores.filter((name) => asked.has(family.name) || asked.has(name.toLowerCase()))
    return names.length > 0 ? [{ family, names }] : []
  })
}

/** The document frequencies of a references file's captions, as JSON for a file. Throws UserError as readReferences() does. */
export function frequenciesOf(references: unknown, split?: string): object {
  const captions = [...readReferences(references, [], split ?? 'train').values()]
  return writeFrequencies(documentFrequencies(captions.map((texts) => texts.map(scoredTokens))))
}

/** All training captions, as diversity() compares them. */
function captionsOf(training: unknown): Set<string> {
  const captions = [...readReferences(training, [], 'train').values()].flat()
  return new Set(captions.map((caption) => scoredTokens(caption).join(' ')))
}

function sizes({ references }: Gathered): string[] {
  const counts = references.map((captions) => captions.length)
  const [fewest, most] = counts.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [Infinity, 0])
  return [`refs:${fewest === most ? most : `${fewest}-${most}`}`, `images:${references.length}`]
}

function notesOn({ ids, available, candidateTokens }: Gathered, scored: readonly Scored[], saved: boolean): string[] {
  const notes: string[] = []
  if (ids.length < available)
    notes.push(`Scored ${counted(ids.length, 'image')} of ${thousands(available)}: those that the results have.`)
  if (ids.length === 1 && !saved && scored.some(({ name }) => name.startsWith('CIDEr')))
    notes.push('CIDEr of one image is always 0: it weighs words by how few other images have them.')
  const wordless = candidateTokens.filter((tokens) => tokens.length === 0).length
  if (wordless > 0) notes.push(`${counted(wordless, 'caption')} without a word, only punctuation.`)
  return notes
}
