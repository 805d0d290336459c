import { add } from './ops/elementwise.ts'
import { ones, zeros } from './ops/movement.ts'
import { ShapeError, sameShape, show } from './shape.ts'
import type { Node, Op, Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/**
 * Reverse-mode differentiation: the gradients of the scalar `loss` with respect to `wrt`, as more graph. Each operator
 * defines its own rule; this file only passes adjoints backwards and adds those that reach the same tensor.
 * Throws ShapeError if the loss is not a scalar, Error if it depends on `wrt` through an operator without a gradient.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length > 0)
    throw new ShapeError(`Cannot differentiate a loss of shape ${show(loss.shape)}: it must be a scalar`)
  return vjp([loss], [ones(loss)], wrt)
}

/**
 * Vector-Jacobian products: for each tensor of `wrt` the sum over `outputs` of seedᵀ ∂output/∂tensor. `seeds` have the
 * shapes of `outputs`. Throws Error if an output depends on `wrt` through an operator without a gradient.
 */
export function vjp(outputs: readonly Tensor[], seeds: readonly Tensor[], wrt: readonly Tensor[]): Tensor[] {
  const order = topological(outputs)
  const wanted = new Set(wrt)
  const active = dependents(order, wanted)
  const pending = new Map<Tensor, Tensor[]>()
  const receive = (tensor: Tensor, adjoint: Tensor): void => {
    const list = pending.get(tensor)
    if (list) list.push(adjoint)
    else pending.set(tensor, [adjoint])
  }
  for (const [i, output] of outputs.entries()) receive(output, seeds[i]!)
  const totals = new Map<Tensor, Tensor>()
  const totalOf = (tensor: Tensor): Tensor | undefined => {
    const list = pending.get(tensor)
    if (!list) return undefined
    const total = totals.get(tensor) ?? addAll(list)
    totals.set(tensor, total)
    return total
  }
  for (const node of order.toReversed()) {
    if (!active.has(node) || node.inputs.length === 0) continue
    const dys = node.outputs.map(totalOf)
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
  return wrt.map((tensor) => totalOf(tensor) ?? zeros(tensor))
}

/** The nodes of `order` that depend on a tensor of `wanted` or compute one. */
function dependents(order: readonly Node[], wanted: ReadonlySet<Tensor>): Set<Node> {
  const active = new Set<Node>()
  for (const node of order)
    if (
      node.inputs.some((input) => wanted.has(input) || active.has(input.node)) ||
      node.outputs.some((y) => wanted.has(y))
    )
      active.add(node)
  return active
}

/**
 * The sum of adjoints, by the cheaper sum of their operator if it has one (a weight that is used at every time step).
 */
function addAll(addends: readonly Tensor[]): Tensor {
  const groups = new Map<Op, Tensor[]>()
  for (const addend of addends) groups.set(addend.node.op, [...(groups.get(addend.node.op) ?? []), addend])
  const merged = [...groups].flatMap(([op, group]) => {
    const sum = group.length > 1 ? op.sum?.(group) : undefined
    return sum ? [sum] : group
  })
  return merged.reduce((a, b) => add(a, b))
}
