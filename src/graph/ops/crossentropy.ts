import { ShapeError, show } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { add, mul, sub } from './elementwise.ts'
import { gather, scatterAdd } from './indexing.ts'
import { matmul } from './matmul.ts'
import { reshape, sum } from './movement.ts'

/**
 * Cross-entropy of a linear classifier over a large vocabulary. Only two arrays of size `[N, V]` are made: scores and
 * probabilities. The target distribution is 1-ε on the word and ε' = ε/(V-1) on every other word, so that
 *
 *     loss = log Σ exp(s) - (1-ε-ε') s_y - ε' Σ_j s_j,     with Σ_j s_j = h·(Σ_j W_j) + Σ_j b_j
 *
 * The gradient with respect to the scores, p - target, is never made: products with it are products with p, less a
 * lookup of rows and a sum for the target.
 */
const linearCrossEntropyOp = defineOp<{ smoothing: number }>({
  name: 'linearCrossEntropy',
  infer([h, weight, bias, targets]) {
    const [n, d] = h!.shape
    const [v, d2] = weight!.shape
    if (
      h!.shape.length !== 2 ||
      weight!.shape.length !== 2 ||
      d !== d2 ||
      bias!.shape[0] !== v ||
      targets!.shape[0] !== n
    )
      throw new ShapeError(
        `Cannot classify ${show(h!.shape)} by weight ${show(weight!.shape)} and bias ${show(bias!.shape)} with targets ${show(targets!.shape)}: expected [N, D], [V, D], [V] and [N]`,
      )
    return [
      { shape: [n!], dtype: h!.dtype },
      { shape: [n!, v!], dtype: h!.dtype },
    ]
  },
  grad({ dys: [dy], outputs: [, p], inputs: [h, weight, bias, targets], attrs }) {
    const { word, other } = target(weight!, attrs.smoothing)
    const g = reshape(dy!, [-1, 1])
    const gh = mul(h!, g)
    const expected = add(mul(gather(weight!, targets!), word), mul(sum(weight!, [0], { keep: true }), other))
    const dh = mul(sub(matmul(p!, weight!), expected), g)
    const ghWord = scatterAdd(weight!, targets!, mul(gh, -word))
    const dWeight = add(matmul(p!, gh, { transA: true }), sub(ghWord, mul(sum(gh, [0], { keep: true }), other)))
    const gWord = scatterAdd(bias!, targets!, mul(dy!, -word))
    const pg = reshape(matmul(p!, g, { transA: true }), [-1])
    return [dh, dWeight, add(pg, sub(gWord, mul(sum(dy!), other))), undefined]
  },
  lower({ inputs: [h, weight, bias, targets], attrs }, emit, [loss, p]) {
    const { word, other } = target(weight!, attrs.smoothing)
    const number = (value: number) => emit.constant([value], h!.dtype, [])
    const [scores] = emit.node('Gemm', [emit.name(h!), emit.name(weight!), emit.name(bias!)], { attrs: { transB: 1 } })
    emit.node('Softmax', [scores!], { attrs: { axis: -1 }, outputs: [p!] })
    // log Σ exp(s) = max s - log max p: no other pass over the scores, and no overflow
    const rowMax = (x: string) => emit.node('ReduceMax', [x, emit.ints([-1])], { attrs: { keepdims: 1 } })[0]!
    const normaliser = emit.node('Sub', [rowMax(scores!), emit.node('Log', [rowMax(p!)])[0]!])[0]!
    const at = emit.node('Unsqueeze', [emit.name(targets!), emit.ints([-1])])[0]!
    const ofWord = emit.node('GatherElements', [scores!, at], { attrs: { axis: 1 } })[0]!
    const weightSum = emit.node('ReduceSum', [emit.name(weight!), emit.ints([0])], { attrs: { keepdims: 0 } })[0]!
    const column = emit.node('Unsqueeze', [weightSum, emit.ints([-1])])[0]!
    const scoreSum = emit.node('Add', [
      emit.node('MatMul', [emit.name(h!), column])[0]!,
      emit.node('ReduceSum', [emit.name(bias!)], { attrs: { keepdims: 0 } })[0]!,
    ])[0]!
    const expected = emit.node('Add', [
      emit.node('Mul', [ofWord, number(word)])[0]!,
      emit.node('Mul', [scoreSum, number(other)])[0]!,
    ])[0]!
    emit.node('Squeeze', [emit.node('Sub', [normaliser, expected])[0]!, emit.ints([-1])], { outputs: [loss!] })
  },
})

/** The target distribution: `other` everywhere, plus `word` on the word. */
function target(weight: Tensor, smoothing: number): { word: number; other: number } {
  const size = weight.shape[0]
  if (typeof size !== 'number')
    throw new ShapeError(`Cannot smooth over a vocabulary of size ${size}: it must be a number`)
  const other = smoothing / (size - 1)
  return { word: 1 - smoothing - other, other }
}

/**
 * The label-smoothed cross-entropy of each row in nats, `[N]`, of the logits h Wᵀ + b: states h `[N, D]`, weight
 * `[V, D]`, bias `[V]`, target ids `[N]`.
 */
export const linearCrossEntropy = (
  h: Tensor,
  weight: Tensor,
  bias: Tensor,
  targets: Tensor,
  smoothing: number,
): Tensor => linearCrossEntropyOp([h, weight, bias, targets], { smoothing })[0]!
