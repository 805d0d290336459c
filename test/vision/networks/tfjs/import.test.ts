import { describe, expect, test } from 'vitest'
import { floatData } from '../../../../src/engine/session.ts'
import { elementCount, floats } from '../../../../src/formats/host-value.ts'
import { nodeRuntime } from '../../../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../../../src/onnx/export.ts'
import { TfjsImport } from '../../../../src/vision/networks/tfjs/import.ts'
import { checkTfjsModel, type TfjsModel } from '../../../../src/vision/networks/tfjs/model-file.ts'
import { normals } from '../../../support/random.ts'
import { loadInTensorflow, runInTensorflow } from './tensorflow.ts'
import { ints, type TinyNode, type TinyWeight, text, tinyModel, window } from './tiny-model.ts'

const [height, width, channels] = [7, 6, 4] as const
const random = normals(1)
const some = (...shape: number[]): TinyWeight => ({
  shape,
  values: [...random(elementCount(shape))],
})
const weights: Readonly<Record<string, TinyWeight>> = {
  filters: some(3, 3, 4, 5),
  even: some(2, 4, 4, 3),
  narrow: some(3, 3, 2, 5),
  point: some(1, 1, 4, 2),
  each: some(3, 3, 4, 1),
  eachTwice: some(3, 2, 4, 2),
  bias5: some(5),
  bias4: some(4),
  bias8: some(8),
  half: { shape: [4], values: [0x3800, 0xbc00, 0x0001, 0x7bff], float16: true },
  coarse: {
    shape: [1, 1, 4, 3],
    values: [0, 255, 7, 128, 1, 2, 3, 4, 200, 100, 50, 25],
    uint8: { scale: 0.02, min: -1.5 },
  },
  three: { shape: [], values: [3] },
  space: { shape: [2], values: [1, 2], dtype: 'int32' },
  last: { shape: [], values: [3], dtype: 'int32' },
  fromEnd: { shape: [], values: [-1], dtype: 'int32' },
  twice: { shape: [2], values: [14, 12], dtype: 'int32' },
  huge: { shape: [2], values: [7e6, 6], dtype: 'int32' },
  space4: { shape: [], values: [4], dtype: 'int32' },
  whole: { shape: [1, 1, 4, 1], values: [1, 2, 3, 4], dtype: 'int32' },
  unlike: { shape: [2], values: [21, 6], dtype: 'int32' },
}
const float = { T: { type: 'DT_FLOAT' } } as NonNullable<TinyNode['attr']>
const simple = (op: string, ...inputs: string[]): TinyNode => ({ op, inputs, attr: float })
const resize = (size: string): TinyNode => ({
  op: 'ResizeBilinear',
  inputs: ['x', size],
  attr: { ...float, align_corners: { b: false }, half_pixel_centers: { b: false } },
})
const nodes: Readonly<Record<string, TinyNode>> = {
  'Conv2D, same, stride 2': { op: 'Conv2D', inputs: ['x', 'filters'], attr: window(2, 'SAME') },
  'Conv2D, same, even filter': { op: 'Conv2D', inputs: ['x', 'even'], attr: window(1, 'SAME') },
  'Conv2D, valid': { op: 'Conv2D', inputs: ['x', 'filters'], attr: window(2, 'VALID') },
  'Conv2D, dilated': {
    op: 'Conv2D',
    inputs: ['x', 'filters'],
    attr: { ...window(1, 'SAME'), dilations: ints(1, 2, 2, 1) },
  },
  'Conv2D, uint8': { op: 'Conv2D', inputs: ['x', 'coarse'], attr: window(1, 'VALID') },
  'fused, bias': { op: '_FusedConv2D', inputs: ['x', 'filters', 'bias5'], attr: window(2, 'SAME', ['BiasAdd']) },
  'fused, bias, Relu': {
    op: '_FusedConv2D',
    inputs: ['x', 'filters', 'bias5'],
    attr: window(1, 'VALID', ['BiasAdd', 'Relu']),
  },
  'fused, bias, Relu6': {
    op: '_FusedConv2D',
    inputs: ['x', 'filters', 'bias5'],
    attr: window(1, 'SAME', ['BiasAdd', 'Relu6']),
  },
  depthwise: { op: 'DepthwiseConv2dNative', inputs: ['x', 'each'], attr: window(2, 'SAME') },
  'depthwise, two filters a channel': {
    op: 'DepthwiseConv2dNative',
    inputs: ['x', 'eachTwice'],
    attr: window(1, 'SAME'),
  },
  'depthwise, fused': {
    op: 'FusedDepthwiseConv2dNative',
    inputs: ['x', 'each', 'bias4'],
    attr: window(2, 'SAME', ['BiasAdd', 'Relu']),
  },
  'depthwise, two filters a channel, fused': {
    op: 'FusedDepthwiseConv2dNative',
    inputs: ['x', 'eachTwice', 'bias8'],
    attr: window(1, 'VALID', ['BiasAdd']),
  },
  'Add of a number': simple('Add', 'x', 'three'),
  'AddV2 of a vector': simple('AddV2', 'x', 'bias4'),
  'Mul of float16': simple('Mul', 'half', 'x'),
  'Mul by itself': simple('Mul', 'x', 'x'),
  Relu: simple('Relu', 'x'),
  Relu6: simple('Relu6', 'Add of a number'),
  Sigmoid: simple('Sigmoid', 'x'),
  Identity: simple('Identity', 'Relu'),
  'Mean, kept': { op: 'Mean', inputs: ['x', 'space'], attr: { ...float, keep_dims: { b: true } } },
  Mean: { op: 'Mean', inputs: ['x', 'space'], attr: { ...float, keep_dims: { b: false } } },
  ConcatV2: { op: 'ConcatV2', inputs: ['x', 'Relu', 'last'], attr: { ...float, N: { i: '2' } } },
  'ConcatV2, axis from the end': {
    op: 'ConcatV2',
    inputs: ['x', 'Sigmoid', 'fromEnd'],
    attr: { ...float, N: { i: '2' } },
  },
  ResizeBilinear: resize('twice'),
  'ResizeBilinear of one axis': resize('unlike'),
}
const options = { what: 'network "m.json"', weightsWhat: 'weights "m.bin"', width, height }

describe('TfjsImport', () => {
  test('computes what TensorFlow.js computes, operator by operator', async () => {
    const { model, bytes } = tinyModel([height, width, channels], weights, nodes)
    const image = Float32Array.from(random(channels * height * width), (value) => 2 * value)
    const names = Object.keys(nodes)
    const theirs = runInTensorflow(await loadInTensorflow(model, bytes), 'x', image, [channels, height, width], names)
    const network = new TfjsImport(model, bytes, options)
    const outputs = Object.fromEntries(names.map((name, i) => [`y${i}`, network.tensor(name)]))
    const session = await nodeRuntime.load(toOnnx(outputs, network.weights))
    const results = await session.run({ x: floats([1, channels, height, width], image) })
    for (const [i, name] of names.entries()) {
      const ours = floatData(results[`y${i}`])
      expect(ours.length, name).toBe(theirs[i]!.length)
      const scale = Math.max(1, ...ours.map(Math.abs))
      for (const [at, value] of ours.entries())
        if (!(Math.abs(value - theirs[i]![at]!) <= 2e-6 * scale)) expect(value, `${name} at ${at}`).toBe(theirs[i]![at])
    }
    session.release()
  })

  test('accepts any batch size and the image size that is given', () => {
    const { model, bytes } = tinyModel([height, width, channels], weights, nodes)
    const network = new TfjsImport(model, bytes, { ...options, width: 32, height: 16 })
    expect(network.tensor('Conv2D, same, stride 2').shape).toEqual(['B', 5, 8, 16])
  })

  const tiny = (node: TinyNode) => tinyModel([height, width, channels], weights, { Relu: simple('Relu', 'x'), y: node })
  const conv = (attr: NonNullable<TinyNode['attr']>, ...inputs: string[]): TinyNode => ({ op: 'Conv2D', inputs, attr })
  test.each<[string, TinyNode, string]>([
    ['an unknown operator', simple('Softplus', 'x'), 'at "y": the operator Softplus is not supported'],
    ['a node that does not exist', simple('Relu', 'nothing'), 'it has no node "nothing"'],
    ['a node that needs itself', simple('Relu', 'y'), 'its node "y" depends on itself'],
    ['an input that is missing', simple('Add', 'x'), 'at "y": the operator Add without its input 1 is not supported'],
    [
      'filters computed at run time',
      conv(window(1, 'SAME'), 'x', 'Relu'),
      'at "y": the operator Conv2D with "Relu" computed at run time is not supported',
    ],
    [
      'another layout',
      conv({ ...window(1, 'SAME'), data_format: text('NCHW') }, 'x', 'filters'),
      'at "y": the operator Conv2D in the layout NCHW is not supported',
    ],
    [
      'explicit padding',
      conv({ ...window(1, 'SAME'), padding: text('EXPLICIT') }, 'x', 'filters'),
      'at "y": the operator Conv2D with the padding "EXPLICIT" is not supported',
    ],
    [
      'another activation',
      { op: '_FusedConv2D', inputs: ['x', 'filters', 'bias5'], attr: window(1, 'SAME', ['BiasAdd', 'Elu']) },
      'at "y": the operator _FusedConv2D fused with BiasAdd, Elu is not supported',
    ],
    [
      'filters for other channels',
      conv(window(1, 'SAME'), 'x', 'narrow'),
      'at "y": Cannot convolve [B, 4, 7, 6] with [5, 2, 3, 3]',
    ],
    [
      'a bias of another size',
      { op: '_FusedConv2D', inputs: ['x', 'filters', 'bias4'], attr: window(1, 'SAME', ['BiasAdd']) },
      'at "y": Cannot convolve [B, 4, 7, 6] with [5, 4, 3, 3] and bias [4]',
    ],
    [
      'a mean over other axes',
      { op: 'Mean', inputs: ['x', 'twice'], attr: float },
      'at "y": the operator Mean over the axes 14, 12 is not supported',
    ],
    [
      'a size that is not a multiple',
      resize('space'),
      'the operator ResizeBilinear by 0.14285714285714285, which is not a whole number from 1 to 64, is not supported',
    ],
    ['a huge size', resize('huge'), 'ResizeBilinear by 1000000, which is not a whole number from 1 to 64, is not'],
    ['a size of one number', resize('last'), 'the operator ResizeBilinear of 4 axes to [3] is not supported'],
    ['a property of every object', simple('constructor', 'x'), 'at "y": the operator constructor is not supported'],
    ['another such property', simple('toString', 'x'), 'at "y": the operator toString is not supported'],
    [
      'such a property as activation',
      { op: '_FusedConv2D', inputs: ['x', 'filters', 'bias5'], attr: window(1, 'SAME', ['BiasAdd', 'constructor']) },
      'the operator _FusedConv2D fused with BiasAdd, constructor is not supported',
    ],
    [
      'an axis that does not exist',
      simple('ConcatV2', 'x', 'x', 'space4'),
      'the operator ConcatV2 along axis 4 is not',
    ],
    ['a concatenation of nothing', simple('ConcatV2'), 'the operator ConcatV2 of no axes is not supported'],
    [
      'a stride of 0',
      conv({ ...window(1, 'SAME'), strides: ints(1, 0, 1, 1) }, 'x', 'filters'),
      'the operator Conv2D with the attribute strides [1, 0, 1, 1] is not supported',
    ],
    [
      'strides that are too few',
      conv({ ...window(1, 'SAME'), strides: ints(1) }, 'x', 'filters'),
      'the operator Conv2D with the attribute strides [1] is not supported',
    ],
    [
      'text that is not base64',
      conv({ ...window(1, 'SAME'), padding: { s: '*' } }, 'x', 'filters'),
      'the operator Conv2D with the attribute "*", which is not base64, is not supported',
    ],
    [
      'filters of integers',
      conv(window(1, 'SAME'), 'x', 'whole'),
      'the operator Conv2D with "whole" int32 [1, 1, 4, 1] is not supported',
    ],
    [
      'images without a shape',
      { op: 'Placeholder', inputs: [] },
      'at "y": the input has the shape []; expected [images, height, width, channels]',
    ],
    [
      'images of fewer than no channels',
      { op: 'Placeholder', inputs: [], attr: { shape: { shape: { dim: [1, 7, 6, -1].map((size) => ({ size })) } } } },
      'at "y": Cannot input: the result would be [B, -1, 7, 6]',
    ],
  ])('refuses %s', (_, node, why) => {
    const { model, bytes } = tiny(node)
    const network = new TfjsImport(model, bytes, options)
    expect(() => network.tensor('y')).toThrow(why)
    expect(() => network.tensor('y')).toThrow(/^Cannot read network "m.json": /)
  })

  const { model, bytes } = tinyModel([height, width, channels], weights, nodes)
  test('refuses weights that are cut short or too long', () => {
    expect(() => new TfjsImport(model, bytes.subarray(1), options)).toThrow(
      `Cannot read weights "m.bin": it has ${bytes.length - 1} bytes, the manifest lists ${bytes.length}; install the package again`,
    )
    expect(() => new TfjsImport(model, Buffer.concat([bytes, bytes]), options)).toThrow(`has ${2 * bytes.length} bytes`)
  })

  test.each(['complex64', 'constructor'])('refuses weights of the type %s', (dtype) => {
    const changed = JSON.parse(JSON.stringify(model)) as TfjsModel
    changed.weightsManifest[0]!.weights[0]!.dtype = dtype
    expect(() => new TfjsImport(changed, bytes, options)).toThrow(
      `Cannot read weights "m.bin": its weight "filters" is ${dtype}; supported are float32, int32, float32 in float16, float32 in uint8`,
    )
  })

  test.each<[string, (json: TfjsModel) => void, string]>([
    [
      'another format',
      (json) => Object.assign(json, { format: 'layers-model' }),
      'format is "layers-model" and should be "graph-model"',
    ],
    ['no manifest', (json) => Object.assign(json, { weightsManifest: undefined }), 'weightsManifest is missing'],
    [
      'a negative size',
      (json) => Object.assign(json.weightsManifest[0]!.weights[1]!, { shape: [2, -4] }),
      'weightsManifest.0.weights.1.shape.1 is -4 and should be at least 0',
    ],
    [
      'an operator that is not text',
      (json) => Object.assign(json.modelTopology.node[3]!, { op: 7 }),
      'modelTopology.node.3.op is 7 and should be a string',
    ],
  ])('checkTfjsModel() refuses %s', (_, damage, why) => {
    const json = JSON.parse(JSON.stringify(model)) as TfjsModel
    expect(checkTfjsModel(json, 'm.json', 'install it again')).toBeDefined()
    damage(json)
    expect(() => checkTfjsModel(json, 'm.json', 'install it again')).toThrow(
      `Cannot read "m.json": ${why}; install it again`,
    )
  })
})
