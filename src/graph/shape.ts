/**
 * The size of an axis: a number, a symbol whose value is known only at run time ("B"), or a product of both ("5*B").
 */
export type Dim = number | string

/** The sizes of a tensor's axes; `[]` is a scalar. */
export type Shape = readonly Dim[]

/** Thrown when shapes or element types do not fit an operator; the message names the operator and the shapes. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** A shape as error messages print it: `[16, 49, 512]`. */
export const show = (shape: Shape): string => `[${shape.join(', ')}]`

/** Whether two shapes are equal; a symbol equals only itself. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((dim, i) => dim === b[i])

/** Whether every size is a symbol or a whole number from 0. */
export const isValidShape = (shape: Shape): boolean =>
  Array.from(shape).every((dim) => (typeof dim === 'string' ? dim !== '' : Number.isSafeInteger(dim) && dim >= 0))

/** Splits a size into its numeric factor and its symbols in alphabetical order: "5*T*B" into 5 and ["B", "T"]. */
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

/**
 * The sum of a symbol and a number, as the size of an axis that grows: "W" and 1 make "W+1", "W+1" and 1 make "W+2". It
 * is a symbol of its own, and its value is never computed.
 */
export function grown(symbol: string, by: number): string {
  const [, base, before] = /^(.*?)(?:\+(\d+))?$/.exec(symbol)!
  return `${base}+${Number(before ?? 0) + by}`
}

/** The product of sizes: the number of elements of a shape. */
export function product(dims: Shape): Dim {
  const all = dims.map(factors)
  const symbols = all.flatMap((dim) => dim.symbols).sort()
  return dimOf(
    all.reduce((result, dim) => result * dim.factor, 1),
    symbols,
  )
}

/** `a / b`, or undefined if b does not divide a. */
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

/** The shape that a and b broadcast to by the rules of NumPy and ONNX, or undefined if they do not broadcast. */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const pairs = alignedSizes(a, b)
  return pairs.some(isMismatch) ? undefined : pairs.map(([x, y]) => (y === 1 ? x : y))
}

/** As broadcastShape(); throws ShapeError if they do not broadcast. `verb` names the operator in the message. */
export function broadcast(verb: string, a: Shape, b: Shape): Shape {
  const shape = broadcastShape(a, b)
  if (shape) return shape
  const [x, y] = alignedSizes(a, b).find(isMismatch)!
  throw new ShapeError(`Cannot ${verb} ${show(a)} and ${show(b)}: sizes ${x} and ${y} do not broadcast`)
}

/** The sizes of two shapes axis by axis, aligned at the last axis; the shorter shape is filled with ones. */
function alignedSizes(a: Shape, b: Shape): (readonly [Dim, Dim])[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1] as const)
}

const isMismatch = ([x, y]: readonly [Dim, Dim]): boolean => x !== y && x !== 1 && y !== 1

/** `axis` counted from the front. Throws ShapeError if the shape has no such axis; `verb` names the operator. */
export function frontAxis(verb: string, axis: number, shape: Shape): number {
  const front = axis < 0 ? axis + shape.length : axis
  if (front < 0 || front >= shape.length || !Number.isInteger(axis))
    throw new ShapeError(`Cannot ${verb} ${show(shape)} along axis ${axis}: it has ${shape.length} axes`)
  return front
}
