import type { Node, Tensor } from './tensor.ts'

/** The nodes that `outputs` depend on, inputs before the nodes that use them. Iterative: unrolled decoders are deep. */
export function topological(outputs: readonly Tensor[]): Node[] {
  const order: Node[] = []
  const state = new Map<Node, 'open' | 'done'>()
  const stack = outputs.map((tensor) => tensor.node).reverse()
  while (stack.length > 0) {
    const node = stack.at(-1)!
    const seen = state.get(node)
    if (seen === undefined) {
      state.set(node, 'open')
      for (const input of node.inputs.toReversed()) if (!state.has(input.node)) stack.push(input.node)
    } else {
      stack.pop()
      if (seen === 'open') order.push(node)
      state.set(node, 'done')
    }
  }
  return order
}
