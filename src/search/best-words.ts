import {
  add,
  cast,
  constant,
  exp,
  gather,
  iota,
  log,
  logSoftmax,
  matmul,
  mul,
  reshape,
  sub,
  sum,
  type Tensor,
  topK,
} from '../graph/index.ts'
import type { SearchModel } from '../models/contract.ts'
import type { OutputLayer } from '../models/output-layer.ts'
import type { Precision } from '../models/precision.ts'
import { neverSaid } from './never-said.ts'

/** The most probable words of each row: both tensors are `[N, width]`. */
export interface BestWords {
  /** int32, the most probable first */
  readonly ids: Tensor
  /** natural logarithms of the probabilities over the whole vocabulary, plus the penalties */
  readonly logProbs: Tensor
}

/** How the words are chosen. */
export interface BestWordsOptions {
  readonly width: number
  /** log-probabilities to add `[N, W]` */
  readonly penalties?: Tensor | undefined
  readonly precision: Precision
}

/** The log-probability of each word `[N, W]` in nats, -Infinity for those that are never said; `hidden` is `[N, D]`. */
export const wordLogProbs = (output: SearchModel['output'], hidden: Tensor): Tensor =>
  add(logSoftmax(output.logits(hidden)), neverSaid(output.size))

/** Whether the words of an output layer can be scored again: it has a weight, as that of an ensemble has not. */
export const isRescored = (output: SearchModel['output']): output is OutputLayer => 'weight' in output

/** The `width` most probable next words after `hidden` `[N, D]`. */
export function bestWords(output: SearchModel['output'], hidden: Tensor, options: BestWordsOptions): BestWords {
  const { width, penalties, precision } = options
  if (precision === 'int8' && isRescored(output)) return rescoredWords(output, hidden, options)
  const logProbs = wordLogProbs(output, hidden)
  const best = topK(penalties ? add(logProbs, penalties) : logProbs, width)
  return { ids: cast(best.indices, 'int32'), logProbs: best.values }
}

/** The candidates for a number of words: more than enough for those whose order the quantised products may change. */
const candidatesFor = (width: number, size: number): number => Math.min(size, 2 * width + 10)

/**
 * The same for an output layer whose product is quantised: its logits choose candidates, whose logits are then computed
 * again in float32. The sum of all probabilities changes by that of the candidates only: what is left of the error is
 * that of improbable words.
 */
function rescoredWords(output: OutputLayer, hidden: Tensor, { width, penalties }: BestWordsOptions): BestWords {
  const { size, weight, bias } = output
  const [N, D] = hidden.shape as readonly [string | number, number]
  const k = candidatesFor(width, size)
  const rough = output.logits(hidden)
  const roughLogProbs = logSoftmax(rough)
  const allowed = add(roughLogProbs, neverSaid(size))
  const chosen = topK(penalties ? add(allowed, penalties) : allowed, k)
  const words = cast(chosen.indices, 'int32')
  const ofWords = (x: Tensor): Tensor => atColumns(x, words)
  const exact = add(reshape(matmul(gather(weight, words), reshape(hidden, [N, D, 1])), [N, k]), gather(bias, words))
  const roughOnes = ofWords(roughLogProbs)
  const change = sub(exact, ofWords(rough))
  const moved = add(roughOnes, change)
  const mass = add(sub(sum(exp(moved), [1], { keep: true }), sum(exp(roughOnes), [1], { keep: true })), constant(1))
  const exactLogProbs = sub(add(chosen.values, change), log(mass))
  const best = topK(exactLogProbs, width)
  return { ids: atColumns(words, cast(best.indices, 'int32')), logProbs: best.values }
}

/** The elements of each row of `x` `[N, C]` at the columns `[N, K]`: `[N, K]`. */
function atColumns(x: Tensor, columns: Tensor): Tensor {
  const [rows, size] = x.shape as readonly [string | number, number]
  const starts = mul(iota(rows), constant(size, 'int32'))
  const places = add(reshape(starts, [rows, 1]), columns)
  return gather(reshape(x, [-1]), places)
}
