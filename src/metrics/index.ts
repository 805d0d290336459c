export { bleu } from './bleu.ts'
export { cider } from './cider.ts'
export {
  type CorpusScore,
  type Evaluation,
  type EvaluationInput,
  evaluate,
  type ImageScores,
  METRICS,
} from './evaluate.ts'
export { type Metric, type MetricName, type Pair, type Score, type Scorer, scorePairs, type Tokens } from './metric.ts'
