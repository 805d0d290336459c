/**
 * Sizes of tensors. A size is a number, or a symbol that is known only when the graph runs ("B"), or a product of the two ("5*B").
 */
export type Dim = number | string
export type Shape = readonly Dim[]

/** Shapes that do not fit together; the message names the operation, the shapes and the line of the model. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** A shape as it stands in messages: `[16, 49, 512]`. */
export const show = (shape: Shape): string => `[${shape.join(', ')}]`

/** Are two shapes the same, symbols included? */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((dim, i) => dim === b[i])

/** A size as factor times symbols, the symbols sorted. */
export function factors(dim: Dim): { factor: number; symbols: string[] } {
  if (typeof dim === 'number') return { factor: dim, symbols: [] }
  const parts = dim.split('*')
  const symbols = parts.filter((part) => !/^\d+$/.test(part)).sort()
  const factor = parts.filter((part) => /^\d+$/.test(part)).reduce((product, part) => product * Number(part), 1)
  return { factor, symbols }
}

function dimOf(factor: number, symbols: readonly string[]): Dim {
  if (symbols.length === 0 || factor === 0) return factor
  return factor === 1 ? symbols.join('*') : [factor, ...symbols].join('*')
}

/** The product of sizes. */
export function product(dims: Shape): Dim {
  const all = dims.map(factors)
  const symbols = all.flatMap((dim) => dim.symbols).sort()
  return dimOf(
    all.reduce((result, dim) => result * dim.factor, 1),
    symbols,
  )
}

/** `a / b`, or undefined where b does not divide a. */
export function quotient(a: Dim, b: Dim): Dim | undefined {
  const [over, under] = [factors(a), factors(b)]
  const symbols = [...over.symbols]
  for (const symbol of under.symbols) {
    const at = symbols.indexOf(symbol)
    if (at < 0) return undefined
    symbols.splice(at, 1)
  }
  if (under.factor === 0 || over.factor % under.factor !== 0) return undefined
  return dimOf(over.factor / under.factor, symbols)
}

/** The shape that two shapes broadcast to, as NumPy and ONNX do it; a symbol equals only itself. */
export function broadcast(act: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    if (x === y || y === 1) return x
    if (x === 1) return y
    throw new ShapeError(`Cannot ${act} ${show(a)} and ${show(b)}: sizes ${x} and ${y} do not broadcast`)
  })
}

/** `axis` counted from the front. Throws ShapeError if the shape has no such axis. */
export function frontAxis(act: string, axis: number, shape: Shape): number {
  const front = axis < 0 ? axis + shape.length : axis
  if (front < 0 || front >= shape.length || !Number.isInteger(axis))
    throw new ShapeError(`Cannot ${act} ${show(shape)} along axis ${axis}: it has ${shape.length} axes`)
  return front
}
