import { bleu } from './bleu.ts'
import { cider, ciderOf } from './cider.ts'
import type { DocumentFrequencies } from './document-frequencies.ts'
import { WordNet } from './english/wordnet.ts'
import { meteor } from './meteor/meteor.ts'
import type { Paraphrases } from './meteor/paraphrases.ts'
import type { Metric, MetricName } from './metric.ts'
import { rouge } from './rouge.ts'
import { SPICE_TS_NAMES, spiceTs } from './spice/spice-ts.ts'

/** The metrics that need nothing loaded, in the order in which papers list their scores. */
export const METRICS: readonly Metric[] = [bleu, rouge, cider]

/** What metrics may be given beside the captions. */
export interface Resources {
  readonly documentFrequencies?: DocumentFrequencies | undefined
  readonly paraphrases?: Paraphrases | undefined
}

/** A metric as people ask for it. */
export interface Family {
  /** as in `--metrics bleu` */
  readonly name: string
  readonly scores: readonly MetricName[]
  /** those of its scores that are given where nobody asks for any */
  readonly usual: readonly MetricName[]
  load(resources: Resources): Metric | Promise<Metric>
}

/** Every metric, in the order in which papers list their scores. */
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
