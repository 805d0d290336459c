import { bleu } from './bleu.ts'
import { cider } from './cider.ts'
import type { Metric } from './metric.ts'

export { bleu } from './bleu.ts'
export { cider } from './cider.ts'
export { type Metric, type MetricName, type Pair, type Score, type Scorer, scorePairs, type Tokens } from './metric.ts'

/** Every metric, in the order in which papers list their scores. */
export const METRICS: readonly Metric[] = [bleu, cider]
