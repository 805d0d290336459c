import { UserError } from '../errors.ts'
import type { GraphProto, NodeProto } from './pb.ts'

/** Operators that read only the shape of their input. */
const SHAPE_READERS = new Set(['Shape', 'Size'])

/** The tensors that a node reads, those that its subgraphs take from the graph around them included. */
export function inputsOf(node: NodeProto): string[] {
  const subgraphs = node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
  const names = [...node.input, ...subgraphs.flatMap(capturedBy)]
  return names.filter((name) => name !== '')
}

/** The tensors that a node computes, without those that it leaves out. */
export const outputsOf = (node: NodeProto): string[] => node.output.filter((name) => name !== '')

/** The tensors that a subgraph reads and does not compute. */
function capturedBy({ node, input, initializer, output }: GraphProto): string[] {
  const own = new Set([
    ...input.map(({ name }) => name),
    ...initializer.map(({ name }) => name),
    ...node.flatMap((each) => each.output),
  ])
  return [...node.flatMap(inputsOf), ...output.map(({ name }) => name)].filter((name) => !own.has(name))
}

/**
 * The nodes that `names` depend on, or all, in an order in which each comes after those it depends on: the file's
 * order where that is one. Throws UserError, without the file, if nodes form a cycle.
 */
export function sortedNodes(
  { node: nodes }: GraphProto,
  names: readonly string[] = nodes.flatMap(outputsOf),
): NodeProto[] {
  const producers = new Map(nodes.flatMap((node) => outputsOf(node).map((name) => [name, node] as const)))
  const done = new Set<NodeProto>()
  const open = new Set<NodeProto>()
  const stack = names.flatMap((name) => producers.get(name) ?? []).reverse()
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (done.has(top) || open.has(top)) {
      stack.pop()
      if (open.delete(top)) done.add(top)
      continue
    }
    open.add(top)
    for (const name of inputsOf(top).reverse()) {
      const producer = producers.get(name)
      if (producer && open.has(producer)) throw new UserError(`"${name}" depends on itself`)
      if (producer) stack.push(producer)
    }
  }
  return [...done]
}

/** The tensors computed from the values of `from`, and `from`; what depends only on their shapes is left out. */
export function dataFrom(from: string, sorted: readonly NodeProto[]): Set<string> {
  const data = new Set([from])
  for (const node of sorted)
    if (!SHAPE_READERS.has(node.opType) && inputsOf(node).some((name) => data.has(name)))
      for (const name of outputsOf(node)) data.add(name)
  return data
}

/** The tensors that can be computed from `given` alone, and the first input that each other one lacks. */
export function missingInputs(sorted: readonly NodeProto[], given: ReadonlySet<string>): Map<string, string> {
  const missing = new Map<string, string>()
  const known = new Set(given)
  for (const node of sorted) {
    const lacks = inputsOf(node).find((name) => !known.has(name))
    for (const name of outputsOf(node))
      if (lacks === undefined) known.add(name)
      else missing.set(name, missing.get(lacks) ?? lacks)
  }
  return missing
}

/**
 * The tensors, among those of `data`, that every path from the input to `sinks` passes through: with such a tensor
 * alone the sinks can be computed, as with the output of each residual block.
 */
export function bottlenecks(
  sorted: readonly NodeProto[],
  data: ReadonlySet<string>,
  sinks: readonly string[],
): string[] {
  const wanted = new Set(sinks)
  const relevant = new Set<NodeProto>()
  for (const node of sorted.toReversed()) {
    if (!outputsOf(node).some((name) => wanted.has(name) && data.has(name))) continue
    relevant.add(node)
    if (!SHAPE_READERS.has(node.opType)) for (const name of inputsOf(node)) if (data.has(name)) wanted.add(name)
  }
  const lastUse = new Map<string, number>()
  const nodes = sorted.filter((node) => relevant.has(node))
  for (const [at, node] of nodes.entries())
    if (!SHAPE_READERS.has(node.opType)) for (const name of inputsOf(node)) lastUse.set(name, at)
  for (const name of sinks) lastUse.set(name, nodes.length)

  // a tensor is a bottleneck if it is the only one still to be read once it has been computed
  const found: string[] = []
  const computed = new Set(sorted.flatMap(outputsOf))
  const live = new Set([...data].filter((name) => !computed.has(name)))
  for (const [at, node] of nodes.entries()) {
    for (const name of inputsOf(node)) if (lastUse.get(name) === at) live.delete(name)
    for (const name of outputsOf(node)) if (data.has(name) && (lastUse.get(name) ?? -1) > at) live.add(name)
    const [only] = live
    if (live.size === 1 && outputsOf(node).includes(only!)) found.push(only!)
  }
  return found
}
