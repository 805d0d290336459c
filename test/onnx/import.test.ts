import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { UserError } from '../../src/errors.ts'
import { elementCount, floats } from '../../src/formats/host-value.ts'
import { constantValues, type Tensor } from '../../src/graph/tensor.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { OnnxImport } from '../../src/onnx/import.ts'
import { RULES } from '../../src/onnx/operators.ts'
import { normals } from '../support/random.ts'
import { type Attribute, type ModelSpec, onnxModel, type Stored } from './onnx-models.ts'

const random = normals(11)
const weights = (...shape: number[]): Stored => ({ shape, values: [...random(elementCount(shape))].map(Math.fround) })
const ints = (...values: number[]): Stored => ({ shape: [values.length], values, int64: true })
const scalar = (value: number): Stored => ({ shape: [], values: [value], fields: true })

type Case = [
  type: string,
  stored: Record<string, Stored>,
  options?: Omit<ModelSpec, 'nodes' | 'output'> & { attrs?: ModelSpec['nodes'][number]['attrs']; names?: string[] },
]

/** One node on the input x, by default [1, 3, 8, 8], and on stored values in this order; '' leaves an input out. */
const cases: Case[] = [
  ['Add', { b: weights(3, 1, 1) }],
  ['Sub', { b: weights(8) }],
  ['Mul', { b: scalar(1.5) }],
  ['Div', { b: weights(3, 1, 1) }],
  ['MatMul', { b: weights(8, 5) }],
  ['Identity', {}],
  ['Cast', {}, { attrs: { to: 1 } }],
  ['Dropout', {}],
  ['Exp', {}],
  ['Neg', {}],
  ['Relu', {}],
  ['Sigmoid', {}],
  ['Softplus', {}],
  ['Tanh', {}],
  ['HardSwish', {}, { opset: 14 }],
  ['HardSigmoid', {}],
  ['HardSigmoid', {}, { attrs: { alpha: { float: 0.4 }, beta: { float: 0.3 } } }],
  ['LeakyRelu', {}],
  ['LeakyRelu', {}, { attrs: { alpha: { float: 0.3 } } }],
  ['PRelu', { slope: weights(3, 1, 1) }],
  ['Clip', { min: scalar(0), max: scalar(0.6) }],
  ['Clip', { max: scalar(0.6) }, { names: ['x', '', 'max'] }],
  ['Clip', { min: scalar(-0.2) }],
  ['Clip', {}, { opset: 9, attrs: { min: { float: -0.1 }, max: { float: 0.6 } } }],
  ['Softmax', {}],
  ['Softmax', {}, { opset: 11, inputs: { x: [1, 7] } }],
  [
    'BatchNormalization',
    { scale: weights(3), b: weights(3), mean: weights(3), variance: { shape: [3], values: [0.5, 1, 2] } },
    { attrs: { epsilon: { float: 0.01 } } },
  ],
  [
    'BatchNormalization',
    { scale: weights(7), b: weights(7), mean: weights(7), variance: { shape: [7], values: [1, 2, 3, 4, 5, 6, 0.1] } },
    { inputs: { x: [1, 7] } },
  ],
  [
    'BatchNormalization',
    { scale: weights(2), b: weights(2), mean: weights(2), variance: { shape: [2], values: [0, 9] } },
    { inputs: { x: [1, 2, 5] } },
  ],
  ['Gemm', { b: weights(7, 5), c: weights(5) }, { inputs: { x: [1, 7] } }],
  [
    'Gemm',
    { b: weights(5, 7), c: weights(5) },
    { inputs: { x: [1, 7] }, attrs: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } } },
  ],
  ['GlobalAveragePool', {}],
  ['GlobalAveragePool', {}, { inputs: { x: [1, 3, 5] } }],
  ['ReduceMean', {}, { attrs: { axes: [2, 3] } }],
  ['ReduceMean', {}, { attrs: { axes: [-1], keepdims: 0 } }],
  ['ReduceMean', { axes: ints(1) }, { opset: 18 }],
  ['ReduceMean', {}, { names: ['x'], attrs: { noop_with_empty_axes: 1 }, opset: 18 }],
  ['Concat', {}, { attrs: { axis: 1 }, names: ['x', 'x'] }],
  ['Concat', {}, { attrs: { axis: -1 }, names: ['x', 'x', 'x'] }],
  ['Flatten', {}],
  ['Flatten', {}, { attrs: { axis: 3 } }],
  ['Reshape', { shape: ints(1, -1) }],
  ['Reshape', { shape: ints(-1, 192) }],
  ['Reshape', { shape: ints(0, 3, 64) }],
  ['Reshape', { shape: ints(1, 0, -1, 4) }],
  ['Squeeze', { axes: ints(2, -1) }, { inputs: { x: [1, 3, 1, 1] } }],
  ['Squeeze', {}, { opset: 11, attrs: { axes: [3] }, inputs: { x: [1, 3, 1, 1] } }],
  ['Unsqueeze', { axes: ints(-1, 1) }],
  ['Unsqueeze', {}, { opset: 11, attrs: { axes: [0, 2] } }],
  ['Transpose', {}, { attrs: { perm: [0, 2, 3, 1] } }],
  ['Pad', { pads: ints(0, 0, 1, 0, 0, 0, 2, 3) }],
  ['Pad', { pads: ints(0, 0, 1, 0, 0, 0, 2, 3), zero: scalar(0) }],
  ['Conv', { w: weights(4, 3, 3, 3) }],
  [
    'Conv',
    { w: weights(4, 3, 3, 3), b: weights(4) },
    { attrs: { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] } },
  ],
  ['Conv', { w: weights(3, 1, 3, 3), b: weights(3) }, { attrs: { group: 3, pads: [1, 1, 1, 1] } }],
  ['Conv', { w: weights(4, 3, 3, 3) }, { attrs: { auto_pad: 'SAME_UPPER', strides: [2, 2] } }],
  ['Conv', { w: weights(4, 3, 3, 3) }, { attrs: { auto_pad: 'SAME_LOWER', strides: [2, 2] } }],
  ['Conv', { w: weights(4, 3, 2, 5) }, { attrs: { auto_pad: 'SAME_UPPER' } }],
  ['Conv', { w: weights(4, 3, 3, 3) }, { attrs: { auto_pad: 'VALID', strides: [3, 3] } }],
  ['MaxPool', {}, { attrs: { kernel_shape: [3, 3], strides: [2, 2] } }],
  ['MaxPool', {}, { attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } }],
  // a last window that would begin behind the image is dropped
  ['MaxPool', {}, { attrs: { kernel_shape: [1, 2], strides: [3, 3], ceil_mode: 1 }, inputs: { x: [1, 3, 3, 6] } }],
  ['MaxPool', {}, { attrs: { kernel_shape: [2, 2], strides: [2, 3], pads: [1, 0, 1, 1], ceil_mode: 1 } }],
  ['MaxPool', {}, { attrs: { kernel_shape: [5, 3], pads: [2, 1, 2, 1] } }],
  [
    'MaxPool',
    {},
    { attrs: { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }, inputs: { x: [1, 3, 7, 7] } },
  ],
  [
    'Resize',
    { scales: { shape: [4], values: [1, 1, 2, 3] } },
    {
      names: ['x', '', 'scales'],
      attrs: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    },
  ],
  ['Resize', { scales: { shape: [4], values: [1, 1, 3, 4] } }, { names: ['x', '', 'scales'] }],
  [
    'Resize',
    { sizes: ints(1, 3, 16, 24) },
    { names: ['x', '', '', 'sizes'], attrs: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } },
  ],
  ['Upsample', { scales: { shape: [4], values: [1, 1, 2, 2] } }, { opset: 9, attrs: { mode: 'nearest' } }],
  ['Slice', { starts: ints(2), ends: ints(5), axes: ints(3) }],
  ['Slice', { starts: ints(1, -4), ends: ints(2 ** 40, -1), axes: ints(-1, 2) }],
  ['Slice', { starts: ints(0, 1), ends: ints(8, 8), axes: ints(2, 3), steps: ints(2, 2) }],
  ['Slice', { starts: ints(3), ends: ints(8), axes: ints(2), steps: ints(3) }, { inputs: { x: [1, 3, 9, 2] } }],
  ['Slice', {}, { opset: 9, attrs: { starts: [2], ends: [6], axes: [2] } }],
  ['Sqrt', {}],
  ['Log', {}],
]

describe('OnnxImport', () => {
  test.each(cases.map((one) => [describeCase(one), one] as const))(
    '%s computes what ONNX Runtime computes of the file itself, image by image',
    async (_, [type, stored, options = {}]) => {
      const { inputs = { x: [1, 3, 8, 8] }, names = ['x', ...Object.keys(stored)], attrs = {}, opset = 13 } = options
      const bytes = onnxModel({
        nodes: [{ type, inputs: names, output: 'y', attrs }],
        stored,
        inputs,
        output: 'y',
        opset,
      })
      const shape = inputs.x as number[]
      const images = Array.from({ length: 3 }, () =>
        Float32Array.from(random(elementCount(shape)), (v) => (positive.has(type) ? v * v + 0.1 : v)),
      )

      const original = await nodeRuntime.load(bytes)
      const expected: number[] = []
      for (const data of images)
        if (original.inputNames.length > 0)
          expected.push(...floatData((await original.run({ x: floats(shape, data) })).y))

      const network = new OnnxImport(bytes, 'network "test"')
      const y = network.tensor('y')
      const ours = await nodeRuntime.load(toOnnx({ y }, network.weights))
      const batch = floats(shape.with(0, 3 * shape[0]!), Float32Array.from(images.flatMap((data) => [...data])))
      const actual = floatData((await ours.run({ x: batch })).y)
      expect(actual.length).toBe(expected.length)
      for (const [i, value] of expected.entries())
        expect(Math.abs(actual[i]! - value), `number ${i}`).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value)))
      original.release()
      ours.release()
    },
  )

  test('every rule has a case', () => {
    const tried = new Set(cases.map(([type]) => type))
    expect([...RULES.keys()].filter((type) => !tried.has(type))).toEqual([])
  })
})

/** A relu followed by an unknown operator. */
const beyond: ModelSpec = {
  nodes: [
    { type: 'Relu', inputs: ['x'], output: 'map' },
    { type: 'Mystery', inputs: ['map'], output: 'z' },
    { type: 'Sigmoid', inputs: ['z'], output: 'y' },
  ],
  output: 'y',
}
const open = (spec: ModelSpec): OnnxImport => new OnnxImport(onnxModel(spec), 'network "n.onnx"')

describe('OnnxImport cuts', () => {
  test('before an unknown operator', () => {
    const network = open(beyond)
    expect(network.names).toEqual(['map', 'z', 'y'])
    expect(network.tensor('map').shape).toEqual(['B', 3, 8, 8])
    expect(() => network.tensor('y')).toThrow(
      'Cannot read network "n.onnx": at "z": the operator Mystery is not supported',
    )
  })

  test('with the weights that the requested tensors depend on, except single numbers', () => {
    const network = open({
      nodes: [
        { type: 'Add', inputs: ['x', 'a'], output: 'first' },
        { type: 'Mul', inputs: ['first', 'one'], output: 'second' },
        { type: 'Add', inputs: ['second', 'b'], output: 'y' },
      ],
      stored: { a: weights(8), b: weights(3, 1, 1), one: scalar(2) },
      output: 'y',
    })
    network.tensor('second')
    expect([...network.weights.keys()]).toEqual(['a'])
    network.tensor('y')
    expect([...network.weights.keys()]).toEqual(['a', 'b'])
  })

  test('files that also list their weights as inputs, as old ones do', () => {
    const network = open({ ...simple(weights(8)), inputs: { x: [1, 3, 8, 8], w: [8] } })
    expect([...network.inputs.keys()]).toEqual(['x'])
  })

  test('files of any batch, and of open sizes', () => {
    const spec: ModelSpec = { ...simple(weights(8)), inputs: { x: ['n', 3, 'height', 8] } }
    expect(open(spec).inputs.get('x')!.shape).toEqual(['B', 3, 'x_2', 8])
    const network = new OnnxImport(onnxModel(spec), 'network', { batch: 4, shapes: { x: [1, 3, 6, 8] } })
    expect(network.tensor('y').shape).toEqual([4, 3, 6, 8])
  })
})

describe('OnnxImport reads constants of nodes', () => {
  const withConstant = (attrs: NonNullable<ModelSpec['nodes'][number]['attrs']>, type: string): Tensor =>
    open({
      nodes: [
        { type: 'Constant', inputs: [], output: 'c', attrs },
        { type, inputs: ['x', 'c'], output: 'y' },
      ],
      output: 'y',
    }).tensor('y')

  test.each<[string, Attribute, number]>([
    ['value_float', { float: 2.5 }, 2.5],
    ['value_floats', { floats: [-1.5] }, -1.5],
  ])('%s', (name, value, expected) => {
    expect(withConstant({ [name]: value }, 'Mul').node.inputs.map(constantValues)).toContainEqual([expected])
  })

  test('value_ints', () => {
    expect(withConstant({ value_ints: [1, 2, 96] }, 'Reshape').shape).toEqual(['B', 2, 96])
  })
})

describe('OnnxImport refuses, naming the file and why,', () => {
  test.each<[string, () => unknown, string]>([
    [
      'a file that is not ONNX',
      () => new OnnxImport(Buffer.from('hello, this is not a network'), 'network "n.onnx"'),
      'it is not an ONNX model',
    ],
    ['an empty file', () => new OnnxImport(new Uint8Array(), 'network "n.onnx"'), 'it is not an ONNX model'],
    [
      'a file cut short',
      () => new OnnxImport(onnxModel(simple(weights(8))).subarray(0, 60), 'network "n.onnx"'),
      'it is not an ONNX model, or it is cut short',
    ],
    ['a tensor that does not exist', () => open(beyond).tensor('nix'), 'it has no tensor "nix"'],
    [
      'an operator of another domain',
      () =>
        open({ nodes: [{ type: 'Relu', domain: 'com.microsoft', inputs: ['x'], output: 'y' }], output: 'y' }).tensor(
          'y',
        ),
      'the operator com.microsoft.Relu is not supported',
    ],
    ['sizes that do not fit', () => open(simple(weights(7))).tensor('y'), 'at "y": Cannot add [B, 3, 8, 8] and [7]'],
    [
      'an input that nothing computes',
      () => open({ ...simple(weights(8)), stored: {} }).tensor('y'),
      'at "y": nothing computes "w"',
    ],
    [
      'weights in another file',
      () => open(simple({ ...weights(8), external: true })).tensor('y'),
      'at "y": the weights "w" are stored in another file; save the model as one file',
    ],
    [
      'too few weights',
      () => open(simple({ shape: [8], values: [1] })).tensor('y'),
      'at "y": "w" has 1 values for the shape [8]',
    ],
    [
      'an operator with the name of a property of every object',
      () => open({ nodes: [{ type: 'constructor', inputs: ['x'], output: 'y' }], output: 'y' }).tensor('y'),
      'at "y": the operator constructor is not supported',
    ],
    [
      'a constant that is no number',
      () =>
        open({
          nodes: [
            { type: 'Constant', inputs: [], output: 'c', attrs: { value_string: 'one' } },
            { type: 'Add', inputs: ['x', 'c'], output: 'y' },
          ],
          output: 'y',
        }).tensor('y'),
      'at "c": the operator Constant without numbers is not supported',
    ],
    [
      'a shape computed at run time',
      () => open({ nodes: [{ type: 'Reshape', inputs: ['x', 'x'], output: 'y' }], output: 'y' }).tensor('y'),
      'at "y": the operator Reshape with "x" computed at run time is not supported',
    ],
    [
      'a resize that is not a repetition',
      () =>
        open({
          nodes: [{ type: 'Resize', inputs: ['x', '', 's'], output: 'y' }],
          stored: { s: { shape: [4], values: [1, 1, 1.5, 2] } },
          output: 'y',
        }).tensor('y'),
      'the operator Resize by [1, 1, 1.5, 2] (nearest) is not supported',
    ],
  ])('%s', (_, act, why) => {
    expect(act).toThrow(UserError)
    expect(act).toThrow('Cannot read network "n.onnx": ')
    expect(act).toThrow(why)
  })
})

function simple(w: Stored): ModelSpec {
  return { nodes: [{ type: 'Add', inputs: ['x', 'w'], output: 'y' }], stored: { w }, output: 'y' }
}

const positive = new Set(['Sqrt', 'Log'])

function describeCase([type, stored, { attrs = {}, opset, names = [] } = {}]: Case): string {
  const inputs = names.length > 0 ? names : Object.keys(stored)
  return [
    type,
    ...inputs,
    ...Object.entries(attrs).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    opset && `opset ${opset}`,
  ]
    .filter(Boolean)
    .join(' ')
}
