import { constant, constantValues, type Node, type Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/** The largest constant that folding makes: more would be data, and the graph holds none. */
const MOST_FOLDED = 64

/**
 * The same outputs by a smaller graph: equal nodes are shared, operators on constants are replaced by their value, what nothing needs is gone.
 * No pass knows an operator by name: operators are equal if they are the same one with equal attributes and inputs.
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const canonical = new Map<Tensor, Tensor>()
  const byKey = new Map<string, Node>()
  const number = new Map<Tensor, number>()
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((input) => canonical.get(input)!)
    const key = `${node.op.name} ${JSON.stringify(node.attrs)} ${inputs.map((input) => number.get(input))}`
    let twin = byKey.get(key)
    if (!twin) {
      twin = folded(node, inputs) ?? rebuilt(node, inputs)
      byKey.set(key, twin)
      for (const output of twin.outputs) if (!number.has(output)) number.set(output, number.size)
    }
    for (const [i, output] of node.outputs.entries()) canonical.set(output, twin.outputs[i]!)
  }
  return outputs.map((output) => canonical.get(output)!)
}

function rebuilt(node: Node, inputs: readonly Tensor[]): Node {
  if (inputs.every((input, i) => input === node.inputs[i])) return node
  const outputs: Tensor[] = []
  const copy: Node = { op: node.op, attrs: node.attrs, inputs, outputs }
  for (const { shape, dtype, index } of node.outputs) outputs.push({ node: copy, index, shape, dtype })
  return copy
}

function folded(node: Node, inputs: readonly Tensor[]): Node | undefined {
  const [y] = node.outputs
  const values = inputs.map(constantValues)
  if (!node.op.fold || inputs.length === 0 || node.outputs.length !== 1) return undefined
  if (!values.every((list) => list !== undefined) || !y!.shape.every((dim) => typeof dim === 'number')) return undefined
  const size = y!.shape.reduce((total, dim) => total * dim, 1)
  if (size > MOST_FOLDED || !y!.dtype.startsWith('float')) return undefined
  const result = node.op.fold(values, node.attrs, node)
  if (result?.length !== size) return undefined
  return constant(y!.dtype === 'float32' ? result.map(Math.fround) : result, y!.dtype, y!.shape).node
}
