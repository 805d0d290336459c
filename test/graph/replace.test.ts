import { expect, test } from 'vitest'
import { add, input, inputName, mul, replace, split, topological } from '../../src/graph/index.ts'

const x = input('x', [2])
const names = (outputs: readonly ReturnType<typeof add>[]) =>
  topological(outputs).flatMap(({ outputs: [tensor] }) => inputName(tensor!) ?? [])

test('replace() makes what depended on a tensor depend on another, and drops what it needed', () => {
  const middle = mul(x, input('before', [2]))
  const y = add(middle, input('after', [2]))
  const [replaced] = replace([y], new Map([[middle, input('start', [2])]]))
  expect(names([replaced!]).sort()).toEqual(['after', 'start'])
  expect(replaced!.shape).toEqual([2])
  expect(names([y]).sort()).toEqual(['after', 'before', 'x']) // the graph itself stays
})

test('replace() keeps tensors that do not depend on a replaced one', () => {
  const y = add(x, input('b', [2]))
  expect(replace([y], new Map([[input('other', [2]), x]]))).toEqual([y])
})

test('replace() replaces an output itself, and one of several outputs of a node', () => {
  const [first, second] = split(input('both', [4]), 0, 2)
  const start = input('start', [2])
  expect(replace([first!], new Map([[first!, start]]))).toEqual([start])
  const [sum] = replace([add(first!, second!)], new Map([[first!, start]]))
  expect(names([sum!]).sort()).toEqual(['both', 'start'])
})

test('what takes the place of a tensor may depend on it', () => {
  const y = mul(x, x)
  const [doubled] = replace([y], new Map([[x, add(x, x)]]))
  expect(topological([doubled!]).map(({ op }) => op.name)).toEqual(['input', 'add', 'multiply'])
})
