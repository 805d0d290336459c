import { add, cast, clip, constant, div, gather, mul, sqrt, sub, type Tensor } from '../graph/index.ts'

/** Levels of confidence that a model tells apart. */
export const CONFIDENCE_LEVELS = 10

/** What a model takes of concepts. */
export interface ConceptForm {
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** whether the model is given the detector's confidence in each concept, besides its word */
  readonly conceptConfidences: boolean
}

/**
 * The number that a model takes for a concept: the id of its word and, for models that are given confidences, the level
 * of the detector's confidence `score`, from 0 to 1, times the size of the vocabulary. Levels are equal steps of the
 * root of the confidence: most concepts of an image have a low one. Scores count as concepts.jsonl has them, with four
 * decimals.
 */
export const conceptInput = (
  word: number,
  score: number,
  { vocabularySize, conceptConfidences }: ConceptForm,
): number => (conceptConfidences ? word + vocabularySize * levelOf(Number(score.toFixed(4))) : word)

const levelOf = (score: number): number =>
  Math.min(CONFIDENCE_LEVELS - 1, Math.floor(CONFIDENCE_LEVELS * Math.sqrt(score)))

/** conceptInput() in the graph: `words` int32 and `scores` float32 of one shape. */
export function conceptInputs(
  words: Tensor,
  scores: Tensor,
  { vocabularySize, conceptConfidences }: ConceptForm,
): Tensor {
  if (!conceptConfidences) return words
  const level = cast(clip(mul(sqrt(scores), CONFIDENCE_LEVELS), 0, CONFIDENCE_LEVELS - 1), 'int32')
  return add(words, mul(level, constant(vocabularySize, 'int32')))
}

/**
 * The embeddings of concepts, `[B, K, D]`, given as conceptInput() gives them, int32 `[B, K]`: those of their words,
 * from `words` `[W, D]`, plus those of their levels, from `levels` `[CONFIDENCE_LEVELS, D]`, for models that have them.
 */
export function embedConcepts(concepts: Tensor, words: Tensor, levels: Tensor | undefined): Tensor {
  if (!levels) return gather(words, concepts)
  const size = constant(words.shape[0] as number, 'int32')
  const level = div(concepts, size)
  return add(gather(words, sub(concepts, mul(level, size))), gather(levels, level))
}
