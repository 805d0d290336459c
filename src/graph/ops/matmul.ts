import { broadcast, type Shape, ShapeError, show } from '../shape.ts'
import { defineOp, type Tensor } from '../tensor.ts'
import { reshape, sumTo } from './movement.ts'
import { concat } from './slicing.ts'

interface MatmulAttrs {
  readonly transA: boolean
  readonly transB: boolean
  readonly scale: number
}

/** Options of matmul(), all at no cost. */
export interface MatmulOptions {
  /** swap the last two axes of a */
  readonly transA?: boolean
  /** swap the last two axes of b */
  readonly transB?: boolean
  /** multiply the product by this number */
  readonly scale?: number
}

const matmulOp = defineOp<MatmulAttrs>({
  name: 'matmul',
  infer([a, b], { transA, transB }) {
    if (a!.shape.length < 2 || b!.shape.length < 2)
      throw new ShapeError(`Cannot matmul ${show(a!.shape)} and ${show(b!.shape)}: both must have at least 2 axes`)
    const [m, k] = lastTwo(a!.shape, transA)
    const [k2, n] = lastTwo(b!.shape, transB)
    const how = `${show(a!.shape)}${transA ? ' transposed' : ''} and ${show(b!.shape)}${transB ? ' transposed' : ''}`
    if (k !== k2) throw new ShapeError(`Cannot matmul ${how}: inner sizes are ${k} and ${k2}`)
    if (a!.dtype !== b!.dtype) throw new ShapeError(`Cannot matmul ${a!.dtype} and ${b!.dtype}: cast one of them`)
    return { shape: [...broadcast('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n], dtype: a!.dtype }
  },
  // Y = s A'B'  =>  dA' = s dY B'ᵀ, dB' = s A'ᵀ dY, each written so that the transposes stay flags
  grad({ dy, inputs: [a, b], attrs: { transA, transB, scale } }) {
    const da = transA
      ? matmul(b!, dy, { transA: transB, transB: true, scale })
      : matmul(dy, b!, { transB: !transB, scale })
    const db = transB
      ? matmul(dy, a!, { transA: true, transB: transA, scale })
      : matmul(a!, dy, { transA: !transA, scale })
    return [sumTo(da, a!.shape), sumTo(db, b!.shape)]
  },
  lower({ inputs: [a, b], attrs }, emit, outputs) {
    const { transA, transB, scale } = attrs
    if (!transA && !transB && scale === 1) return void emit.node('MatMul', [emit.name(a!), emit.name(b!)], { outputs })
    if (a!.dtype === 'float32') {
      const flags = { transA: Number(transA), transB: Number(transB), alpha: { float: scale } }
      return void emit.node('FusedMatMul', [emit.name(a!), emit.name(b!)], {
        attrs: flags,
        outputs,
        domain: 'com.microsoft',
      })
    }
    const swapped = (x: Tensor, swap: boolean): string => {
      const perm = x.shape.map((_, i) => i)
      return swap
        ? emit.node('Transpose', [emit.name(x)], {
            attrs: { perm: [...perm.slice(0, -2), perm.length - 1, perm.length - 2] },
          })[0]!
        : emit.name(x)
    }
    const factors = [swapped(a!, transA), swapped(b!, transB)]
    if (scale === 1) return void emit.node('MatMul', factors, { outputs })
    const [plain] = emit.node('MatMul', factors)
    emit.node('Mul', [plain!, emit.constant([scale], a!.dtype, [])], { outputs })
  },
  // Σ_t A_tᵀ B_t = [A_1; A_2; …]ᵀ [B_1; B_2; …]: one product for a weight that is used at every time step
  sum(addends) {
    const [first] = addends
    const { transA, transB, scale } = first!.node.attrs as MatmulAttrs
    const alike = addends.every(({ node: { attrs, inputs } }) => {
      const same = attrs.transA === transA && attrs.transB === transB && attrs.scale === scale
      return same && inputs.every((x) => x.shape.length === 2)
    })
    if (!alike) return undefined
    const left = concat(
      addends.map((y) => y.node.inputs[0]!),
      transA ? 0 : 1,
    )
    const right = concat(
      addends.map((y) => y.node.inputs[1]!),
      transB ? 1 : 0,
    )
    return matmul(left, right, { transA, transB, scale })
  },
})

const lastTwo = (shape: Shape, swapped: boolean) =>
  swapped ? ([shape.at(-1)!, shape.at(-2)!] as const) : ([shape.at(-2)!, shape.at(-1)!] as const)

/** The matrix product `[…, m, k]` · `[…, k, n]` → `[…, m, n]`; leading axes broadcast. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transA = false, transB = false, scale = 1 }: MatmulOptions = {},
): Tensor {
  // one product of all rows of a with the matrix b, and one for its gradient
  if (b.shape.length === 2 && a.shape.length > 2 && !transA) {
    const rows = reshape(a, [-1, a.shape.at(-1)!])
    const y = matmulOp([rows, b], { transA, transB, scale })[0]!
    return reshape(y, [...a.shape.slice(0, -1), y.shape[1]!])
  }
  return matmulOp([a, b], { transA, transB, scale })[0]!
}
