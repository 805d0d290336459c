import { frontAxis, ShapeError, sameShape, show } from '../shape.ts'
import { defineOp, type Spec, type Tensor } from '../tensor.ts'
import { div, mul, sub } from './elementwise.ts'
import { cast, count, sum, sumTo } from './movement.ts'

const layerNormOp = defineOp<{ epsilon: number }>({
  name: 'layerNorm',
  infer([x, scale, bias]) {
    const size = x!.shape[frontAxis('normalise', -1, x!.shape)]
    if (!sameShape(scale!.shape, [size!]) || !sameShape(bias!.shape, [size!]))
      throw new ShapeError(
        `Cannot normalise ${show(x!.shape)} with scale ${show(scale!.shape)} and bias ${show(bias!.shape)}: both must be [${size}]`,
      )
    const statistics: Spec = { shape: x!.shape.with(-1, 1), dtype: 'float32' }
    return [{ shape: x!.shape, dtype: x!.dtype }, statistics, statistics]
  },
  // x̂ = (x - μ)/σ;  dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))/σ
  grad({ dy, inputs: [x, scale], outputs }) {
    const [mean, inverseDeviation] = outputs.slice(1).map((statistic) => cast(statistic, x!.dtype))
    const unit = mul(sub(x!, mean!), inverseDeviation!)
    const dUnit = mul(dy, scale!)
    const size = count(x!, [x!.shape.length - 1])
    const average = (t: Tensor) => div(sum(t, [-1], { keep: true }), size)
    const dx = mul(sub(sub(dUnit, average(dUnit)), mul(unit, average(mul(dUnit, unit)))), inverseDeviation!)
    return [dx, sumTo(mul(dy, unit), scale!.shape), sumTo(dy, scale!.shape)]
  },
  lower: ({ inputs, attrs: { epsilon } }, emit, outputs) =>
    void emit.node('LayerNormalization', inputs.map(emit.name), {
      attrs: { axis: -1, epsilon: { float: epsilon } },
      outputs,
    }),
})

/**
 * Layer normalisation over the last axis (Ba et al. 2016): x `[…, D]` to mean 0 and variance 1, times `scale` `[D]`,
 * plus `bias` `[D]`.
 */
export const layerNorm = (x: Tensor, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor =>
  layerNormOp([x, scale, bias], { epsilon })[0]!
