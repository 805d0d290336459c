import { attributesText } from './attributes.ts'
import { product } from './shape.ts'
import { constant, constantValues, type Node, type Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/** The most elements of a folded constant; the graph holds no larger data. */
const MAX_FOLDED = 64

/**
 * Returns the same outputs computed by a smaller graph: equal nodes are merged, operators on constants are folded, and
 * unused nodes are dropped. Nodes are equal if operator, attributes and inputs are; no operator is treated by name.
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const canonical = new Map<Tensor, Tensor>()
  const byKey = new Map<string, Node>()
  const number = new Map<Tensor, number>()
  for (const node of topological(outputs)) {
    const inputs = node.inputs.map((input) => canonical.get(input)!)
    const key = `${node.op.name} ${attributesText(node.attrs)} ${inputs.map((input) => number.get(input))}`
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
  if (!values.every((list) => list !== undefined)) return undefined
  const size = product(y!.shape)
  if (typeof size !== 'number' || size > MAX_FOLDED || !y!.dtype.startsWith('float')) return undefined
  const result = node.op.fold(values, node.attrs, node)
  if (result?.length !== size) return undefined
  const shape = y!.shape as readonly number[]
  return constant(y!.dtype === 'float32' ? result.map(Math.fround) : result, y!.dtype, shape).node
}
