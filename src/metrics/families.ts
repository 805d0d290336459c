import { bleu } from './bleu.ts'
import { cider, ciderOf } from './cider.ts'
import type { DocumentFrequencies } from './document-frequencies.ts'
import { WordNet } from './english/wordnet.ts'
import { meteor } from './meteor/meteor.ts'
import type { Paraphrases } from './meteor/paraphrases.ts'
import type { ImageMetric, Metric, MetricName } from './metric.ts'
import { rouge } from './rouge.ts'
import { SPICE_TS_NAMES, spiceTs } from './spice/spice-ts.ts'

/** The metrics that load no data, in the order in which papers list them. */
export const METRICS: readonly Metric[] = [bleu, rouge, cider]

/** Optional data of metrics. */
export interface Resources {
  /** For CIDEr; by default those of the references. */
  readonly documentFrequencies?: DocumentFrequencies | undefined
  /** For METEOR's fourth module. */
  readonly paraphrases?: Paraphrases | undefined
}

/** A metric that can be requested by name and is loaded on demand. */
export interface Family {
  /** Its name in `--metrics`, as in `bleu`. */
  readonly name: string
  /** All of its scores. */
  readonly scores: readonly MetricName[]
  /** The scores that evaluate() returns by default. */
  readonly usual: readonly MetricName[]
  /** Loads the metric. */
  load(resources: Resources): Metric | Promise<Metric>
}

/** A metric of the images, which evaluate() computes in addition. */
export interface ImageFamily extends Omit<Family, 'load'> {
  /** Loads the metric. */
  load(): Promise<ImageMetric>
}

/** All metrics, in the order in which papers list them. */
export const FAMILIES: readonly Family[] = [
  { name: 'bleu', scores: bleu.names, usual: bleu.names, load: () => bleu },
  {
    name: 'meteor',
    scores: ['METEOR'],
    usual: ['METEOR'],
    load: async ({ paraphrases }) => meteor(await WordNet.load(), paraphrases),
  },
  { name: 'rouge', scores: rouge.names, usual: rouge.names, load: () => rouge },
  { name: 'cider', scores: cider.names, usual: cider.names, load: (resources) => ciderOf(resources) },
  {
    name: 'cider-plain',
    scores: ['CIDEr_plain'],
    usual: [],
    load: (resources) => ciderOf({ ...resources, plain: true }),
  },
  { name: 'spice-ts', scores: SPICE_TS_NAMES, usual: ['SPICE-ts'], load: spiceTs },
]
