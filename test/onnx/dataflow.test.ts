import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { bottlenecks, dataFrom, missingInputs, sortedNodes } from '../../src/onnx/dataflow.ts'
import { externalFiles, storeExternalData } from '../../src/onnx/external-data.ts'
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
} from '../../src/onnx/pb.ts'

/** Nodes written as `a,b > c`, with an operator in front where it matters: `Shape a > b`. */
function nodes(...texts: string[]): NodeProto[] {
  return texts.map((text) => {
    const [, opType = 'Op', input = '', output = ''] = /^(?:(\w+) )?(\S*) > (\S+)$/.exec(text)!
    return create(NodeProtoSchema, { opType, input: input.split(','), output: output.split(',') })
  })
}
const graph = (node: NodeProto[]): GraphProto => create(GraphProtoSchema, { node })
const made = (list: readonly NodeProto[]): string[] => list.flatMap(({ output }) => output)
/** A node If whose branch reads a tensor of the graph around it. */
const branching = (captured: string, output: string): NodeProto => {
  const g = create(GraphProtoSchema, { node: nodes(`${captured} > inner`), output: [{ name: 'inner' }] })
  const attribute = [create(AttributeProtoSchema, { name: 'then_branch', g })]
  return create(NodeProtoSchema, { opType: 'If', input: ['condition'], output: [output], attribute })
}

describe('sortedNodes()', () => {
  test('keeps an order in which each node comes after those it depends on', () => {
    expect(made(sortedNodes(graph(nodes('x > a', 'x > b', 'a,b > c'))))).toEqual(['a', 'b', 'c'])
  })

  test('moves a node behind those it depends on, those of a branch included', () => {
    expect(made(sortedNodes(graph([branching('b', 'y'), ...nodes('a > b', 'x > a')])))).toEqual(['a', 'b', 'y'])
  })

  test('leaves out what the names do not depend on', () => {
    expect(made(sortedNodes(graph(nodes('x > a', 'a > b', 'a > c')), ['b']))).toEqual(['a', 'b'])
  })

  test('throws UserError where nodes form a cycle', () => {
    expect(() => sortedNodes(graph(nodes('b > a', 'a > b')))).toThrow(new UserError('"a" depends on itself'))
  })
})

test('dataFrom() follows values, not shapes', () => {
  const data = dataFrom('x', nodes('x > a', 'Shape a > size', 'size,w > zeros', 'a,zeros > y'))
  expect([...data]).toEqual(['x', 'a', 'y'])
})

test('missingInputs() names the first input that a tensor lacks, through others', () => {
  const missing = missingInputs(nodes('x,w > a', 'text > b', 'a,b > c'), new Set(['x', 'w']))
  expect(Object.fromEntries(missing)).toEqual({ b: 'text', c: 'text' })
})

describe('bottlenecks()', () => {
  const find = (list: readonly NodeProto[], sinks: string[]) => bottlenecks(list, dataFrom('x', list), sinks)

  test('are the ends of residual blocks, not what is inside them', () => {
    expect(find(nodes('x > a', 'a > b', 'a,b > c', 'c > d', 'c,d > e', 'e > y'), ['y'])).toEqual(['a', 'c', 'e', 'y'])
  })

  test('do not count what leads nowhere, or only to a shape', () => {
    const list = nodes('x > a', 'a > unused', 'Shape x > size', 'a,size > b', 'b > y')
    expect(find(list, ['y'])).toEqual(['a', 'b', 'y'])
  })

  test('end where a network has several outputs', () => {
    expect(find(nodes('x > a', 'a > left', 'a > right'), ['left', 'right'])).toEqual(['a'])
  })
})

describe('externalFiles()', () => {
  const stored = (location: string, more: Record<string, string> = {}) => {
    const entries = Object.entries({ location, ...more })
    return create(TensorProtoSchema, {
      name: 'w',
      dataLocation: 1,
      externalData: entries.map(([key, value]) => ({ key, value })),
    })
  }
  const holding = (...initializer: ReturnType<typeof stored>[]) => create(GraphProtoSchema, { initializer })

  test('lists each file once', () => {
    expect(externalFiles(holding(stored('b.bin'), stored('weights/a.bin'), stored('b.bin')))).toEqual([
      'b.bin',
      'weights/a.bin',
    ])
  })

  test.each(['../secret', '/etc/passwd', 'a/../../b', 'C:\\weights', '..\\b', '*/_ORT_MEM_ADDR_/*', ''])(
    'refuses %j, which is outside the folder',
    (location) => {
      expect(() => externalFiles(holding(stored(location)))).toThrow(UserError)
    },
  )

  test('storeExternalData() puts the bytes into the graph', () => {
    const tensor = stored('w.bin', { offset: '2', length: '3' })
    storeExternalData(holding(tensor), new Map([['w.bin', Uint8Array.of(0, 1, 2, 3, 4, 5)]]))
    expect([...tensor.rawData]).toEqual([2, 3, 4])
    expect(tensor.dataLocation).toBe(0)
  })

  test.each([{ offset: '-1', length: '2' }, { offset: '4', length: '3' }, { offset: 'x' }, { offset: '9' }])(
    'storeExternalData() refuses %j of 6 bytes',
    (place) => {
      const files = new Map([['w.bin', new Uint8Array(6)]])
      expect(() => storeExternalData(holding(stored('w.bin', place)), files)).toThrow('copy that file again')
    },
  )
})
