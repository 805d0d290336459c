export { AnnotationFile, parseAnnotations, readAnnotationFile } from '../annotations/file.ts'
export { captionTokens, ptbTokenize } from '../text/ptb.ts'
export { bleu } from './bleu.ts'
export { type BootstrapOptions, bootstrap, type Comparison, compare, type Interval } from './bootstrap.ts'
export { type CiderOptions, cider, ciderOf } from './cider.ts'
export { type Diversity, type DiversityOptions, diversity } from './diversity.ts'
export {
  type DocumentFrequencies,
  documentFrequencies,
  readFrequencies,
  writeFrequencies,
} from './document-frequencies.ts'
export { WordNet } from './english/wordnet.ts'
export {
  type CorpusScore,
  type Evaluation,
  type EvaluationInput,
  evaluate,
  type Forms,
  type ImageScores,
} from './evaluate.ts'
export { FAMILIES, type Family, type ImageFamily, METRICS, type Resources } from './families.ts'
export { meteor } from './meteor/meteor.ts'
export { Paraphrases } from './meteor/paraphrases.ts'
export {
  type CaptionedImage,
  type ImageMetric,
  type Metric,
  type MetricName,
  type Pair,
  type Score,
  type Scorer,
  scorePairs,
  type Tokens,
} from './metric.ts'
export { rouge } from './rouge.ts'
export { selfCider } from './self-cider.ts'
export type { SceneGraph } from './spice/scene-graph.ts'
export { spiceTs } from './spice/spice-ts.ts'
