import { bleu } from './bleu.ts'
import { cider, ciderOf } from './cider.ts'
import type { DocumentFrequencies } from './document-frequencies.ts'
import { WordNet } from './english/wordnet.ts'
import { meteor } from './meteor/meteor.ts'
import type { Paraphrases } from './meteor/paraphrases.ts'
import type { Metric, MetricName } from './metric.ts'
import { rouge } from './rouge.ts'

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
  /** is it computed where nobody asks for any? */
  readonly usual: boolean
  load(resources: Resources): Metric | Promise<Metric>
}

/** Every metric, in the order in which papers list their scores. */
export const FAMILIES: readonly Family[] = [
  { name: 'bleu', scores: bleu.names, usual: true, load: () => bleu },
  {
    name: 'meteor',
    scores: ['METEOR'],
    usual: true,
    load: async ({ paraphrases }) => meteor(await WordNet.load(), paraphrases),
  },
  { name: 'rouge', scores: rouge.names, usual: true, load: () => rouge },
  { name: 'cider', scores: cider.names, usual: true, load: (resources) => ciderOf(resources) },
  {
    name: 'cider-plain',
    scores: ['CIDEr_plain'],
    usual: false,
    load: (resources) => ciderOf({ ...resources, plain: true }),
  },
]
