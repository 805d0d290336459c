import type { Node, Tensor } from './tensor.ts'

/**
 * The nodes that `outputs` depend on, inputs before the nodes that use them; what only tensors of `known` need is left
 * out. Iterative: unrolled decoders are deep.
 */
export function topological(outputs: readonly Tensor[], known: ReadonlySet<Tensor> = new Set()): Node[] {
  const order: Node[] = []
  const state = new Map<Node, 'open' | 'done'>()
  const needed = (tensors: readonly Tensor[]): Node[] =>
    tensors.flatMap((tensor) => (known.has(tensor) ? [] : [tensor.node]))
  const stack = needed(outputs).reverse()
  while (stack.length > 0) {
    const node = stack.at(-1)!
    const seen = state.get(node)
    if (seen === undefined) {
      state.set(node, 'open')
      for (const input of needed(node.inputs).reverse()) if (!state.has(input)) stack.push(input)
    } else {
      stack.pop()
      if (seen === 'open') order.push(node)
      state.set(node, 'done')
    }
  }
  return order
}
