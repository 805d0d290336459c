import { attributesText } from './attributes.ts'
import { show } from './shape.ts'
import { inputName, type Tensor } from './tensor.ts'
import { topological } from './walk.ts'

/** The graph as text for tests and debugging, one line per node: `%3 = matmul(%1, %2) [16, 512]`. */
export function print(outputs: readonly Tensor[]): string {
  const names = new Map<Tensor, string>()
  const lines = topological(outputs).map((node) => {
    for (const y of node.outputs) names.set(y, `%${inputName(y) ?? names.size}`)
    const attrs = Object.keys(node.attrs).length > 0 ? ` ${attributesText(node.attrs)}` : ''
    const left = node.outputs.map((y) => names.get(y)).join(', ')
    const right = `${node.op.name}(${node.inputs.map((x) => names.get(x)).join(', ')})`
    return `${left} = ${right}${attrs} ${node.outputs.map((y) => show(y.shape)).join(' ')}`
  })
  return [...lines, `return ${outputs.map((y) => names.get(y)).join(', ')}`].join('\n')
}
