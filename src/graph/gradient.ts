import { add } from './ops/elementwise.ts'
import { ones, zeros } from './ops/movement.ts'
import { ShapeError, sameShape, show } from './shape.ts'
import type { Node, Op, Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/**
 * Reverse-mode derivative of a graph, as more graph: for each tensor of `wrt` the gradient of the scalar `loss`. Each operator's rule stands beside
 * the operator; this walk only carries adjoints back and adds up those that meet.
 * Throws ShapeError if the loss is not a scalar, Error if an operator on the way has no gradient.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length > 0)
    throw new ShapeError(`Cannot differentiate a loss of shape ${show(loss.shape)}: it must be a scalar`)
  return vjp([loss], [ones(loss)], wrt)
}

/** Vector-Jacobian product: what the adjoints `seeds` of `outputs` come to at each tensor of `wrt`. */
export function vjp(outputs: readonly Tensor[], seeds: readonly Tensor[], wrt: readonly Tensor[]): Tensor[] {
  const order = topological(outputs)
  const wanted = new Set(wrt)
  const active = reaching(order, wanted)
  const pending = new Map<Tensor, Tensor[]>()
  const receive = (tensor: Tensor, adjoint: Tensor): void => {
    const list = pending.get(tensor)
    if (list) list.push(adjoint)
    else pending.set(tensor, [adjoint])
  }
  for (const [i, output] of outputs.entries()) receive(output, seeds[i]!)
  const settled = new Map<Tensor, Tensor>()
  const settle = (tensor: Tensor): Tensor | undefined => {
    const list = pending.get(tensor)
    if (!list) return undefined
    const total = settled.get(tensor) ?? addAll(list)
    settled.set(tensor, total)
    return total
  }
  for (const node of order.toReversed()) {
    if (!active.has(node) || node.inputs.length === 0) continue
    const dys = node.outputs.map(settle)
    if (dys.every((dy) => dy === undefined)) continue
    if (!node.op.grad) throw new Error(`Cannot differentiate through ${node.op.name}: it has no gradient`)
    const adjoints = node.op.grad({
      dys,
      dy: dys[0]!,
      y: node.outputs[0]!,
      outputs: node.outputs,
      inputs: node.inputs,
      attrs: node.attrs,
    })
    for (const [i, input] of node.inputs.entries()) {
      const adjoint = adjoints[i]
      if (!adjoint || !(active.has(input.node) || wanted.has(input))) continue
      if (!sameShape(adjoint.shape, input.shape))
        throw new Error(
          `Internal: the gradient of ${node.op.name} has shape ${show(adjoint.shape)}, its input ${show(input.shape)}`,
        )
      receive(input, adjoint)
    }
  }
  return wrt.map((tensor) => settle(tensor) ?? zeros(tensor))
}

/** The nodes from which some tensor of `wanted` is reached. */
function reaching(order: readonly Node[], wanted: ReadonlySet<Tensor>): Set<Node> {
  const active = new Set<Node>()
  for (const node of order)
    if (
      node.inputs.some((input) => wanted.has(input) || active.has(input.node)) ||
      node.outputs.some((y) => wanted.has(y))
    )
      active.add(node)
  return active
}

/** The sum of adjoints, the cheaper way where the operator that made them knows one (products of the same weight at every time step). */
function addAll(addends: readonly Tensor[]): Tensor {
  const groups = new Map<Op, Tensor[]>()
  for (const addend of addends) groups.set(addend.node.op, [...(groups.get(addend.node.op) ?? []), addend])
  const merged = [...groups].flatMap(([op, group]) => {
    const sum = group.length > 1 ? op.sum?.(group) : undefined
    return sum ? [sum] : group
  })
  return merged.reduce((a, b) => add(a, b))
}
