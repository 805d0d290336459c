import type { Node, Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/**
 * The same outputs with some tensors replaced by others of the same shape and type: what depended on a key of
 * `replacements` depends on its value instead. Nodes that only the replaced tensors need are dropped. The tensors that
 * take their places are not searched themselves.
 */
export function replace(outputs: readonly Tensor[], replacements: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const replaced = new Map(replacements)
  for (const node of topological(outputs, new Set(replacements.keys()))) {
    const inputs = node.inputs.map((input) => replaced.get(input) ?? input)
    if (inputs.every((input, i) => input === node.inputs[i])) continue
    const made: Tensor[] = []
    const copy: Node = { op: node.op, attrs: node.attrs, inputs, outputs: made }
    for (const [i, output] of node.outputs.entries()) {
      const { shape, dtype, index } = output
      made.push({ node: copy, index, shape, dtype })
      if (!replaced.has(output)) replaced.set(output, made[i]!)
    }
  }
  return outputs.map((output) => replaced.get(output) ?? output)
}
