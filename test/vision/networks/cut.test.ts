import { describe, expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import { floats } from '../../../src/formats/host-value.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { Random } from '../../../src/random.ts'
import { type Cut, type CutOptions, cut } from '../../../src/vision/networks/cut.ts'
import { mutated } from '../../onnx/mutate.ts'
import { type ModelSpec, type NodeSpec, onnxModel, type Stored } from '../../onnx/onnx-models.ts'

const weights = (...shape: number[]): Stored => ({
  shape,
  values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i) + 1.2),
})
const ints = (...values: number[]): Stored => ({ shape: [values.length], values, int64: true })
const scalar = (value: number): Stored => ({ shape: [], values: [value], fields: true })
/** A node; its inputs are separated by spaces, two of them stand for an input that is left out. */
const node = (type: string, inputs: string, output: string, attrs: NonNullable<NodeSpec['attrs']> = {}): NodeSpec => ({
  type,
  inputs: inputs.split(' '),
  output,
  attrs,
})
const spec = (
  nodes: NodeSpec[],
  stored: ModelSpec['stored'] = {},
  inputs: ModelSpec['inputs'] = images,
): ModelSpec => ({
  nodes,
  stored: { w: weights(8, 3, 2, 2), w2: weights(8, 8, 1, 1), w4: weights(4, 8, 2, 2), one: scalar(1), ...stored },
  inputs,
  output: nodes.at(-1)!.output,
})
const images = { x: [1, 3, 8, 8] }
const anyImages = { x: ['batch', 3, 'height', 'width'] }
const stem = node('Conv', 'x w', 'stem', { strides: [2, 2] })
const open = (model: ModelSpec, options: CutOptions = {}): Cut => cut(onnxModel(model), 'network "n.onnx"', options)

/** The layers that PyTorch's exporter writes for `x.view(x.size(0), -1)`. */
const flatten = (x: string, y: string): NodeSpec[] => [
  node('Shape', x, 'shape'),
  node('Gather', 'shape first', 'count', { axis: 0 }),
  node('Unsqueeze', 'count zero', 'counts'),
  node('Concat', 'counts rest', 'sizes', { axis: 0 }),
  node('Reshape', `${x} sizes`, y),
]
const flattened = { first: { shape: [], values: [0], int64: true }, zero: ints(0), rest: ints(-1) }

describe('cut() takes the last map', () => {
  test.each<[string, ModelSpec]>([
    [
      'before layers that flatten a vector by its shape',
      spec([stem, node('GlobalAveragePool', 'stem', 'p'), ...flatten('p', 'y')], flattened),
    ],
    [
      'before a pooling operator that is not supported',
      spec([stem, node('AveragePool', 'stem', 'p', { kernel_shape: [4, 4] }), node('Softmax', 'p', 'y')]),
    ],
    [
      'of a network with constants among its nodes',
      spec([
        node('Constant', '', 'three', { value_float: { float: 3 } }),
        stem,
        node('ReduceMean', 'stem', 'y', { axes: [2, 3] }),
      ]),
    ],
    [
      'whose second output nobody reads',
      spec([stem, { ...node('MaxPool', 'stem', 'y', { kernel_shape: [4, 4] }), others: ['', 'places'] }]),
    ],
  ])('%s', (_, model) => {
    const { layer, regions, columns, width, height } = open(model)
    expect({ layer, regions: regions.shape, columns, width, height }).toEqual({
      layer: 'stem',
      regions: ['B', 16, 8],
      columns: 4,
      width: 8,
      height: 8,
    })
  })

  test('of a network of 10,000 layers', () => {
    const layers = Array.from({ length: 10_000 }, (_, i) => node('Relu', i === 0 ? 'stem' : `r${i - 1}`, `r${i}`))
    const { layer, regions, weights } = open(spec([stem, ...layers]))
    expect(layer).toBe('r9999')
    expect(toOnnx({ regions }, weights).length).toBeGreaterThan(0)
  })

  test('under names that the exported model uses too', async () => {
    const model = spec(
      [node('Conv', 'conv_1 regions', 'stem', { strides: [2, 2] }), node('Add', 'stem const_int64_1_0', 'y')],
      { regions: weights(8, 3, 2, 2), const_int64_1_0: weights(8, 1, 1) },
      { conv_1: [1, 3, 8, 8] },
    )
    const { inputName, regions, weights: stored } = open(model)
    const session = await nodeRuntime.load(toOnnx({ regions }, stored))
    const plain = open(spec([stem, node('Add', 'stem b', 'y')], { b: weights(8, 1, 1) }))
    const same = await nodeRuntime.load(toOnnx({ regions: plain.regions }, plain.weights))
    const image = floats(
      [1, 3, 8, 8],
      Float32Array.from({ length: 192 }, (_, i) => Math.cos(i)),
    )
    expect((await session.run({ [inputName]: image })).regions).toEqual((await same.run({ x: image })).regions)
    session.release()
    same.release()
  })
})

describe('cut() refuses with UserError', () => {
  const vit = [stem, ...flatten('stem', 'tokens'), node('Softmax', 'tokens', 'y')]
  const gelu = [stem, node('Erf', 'stem', 'erf'), node('Add', 'erf one', 'sum'), node('Conv', 'sum w2', 'y')]
  const norm = [
    stem,
    node('Transpose', 'stem', 'last', { perm: [0, 2, 3, 1] }),
    node('LayerNormalization', 'last scale scale', 'norm', { axis: -1 }),
    node('Transpose', 'norm', 'first', { perm: [0, 3, 1, 2] }),
    node('Conv', 'first w2', 'y'),
  ]
  const pool = (attrs: NonNullable<NodeSpec['attrs']>) => spec([stem, node('MaxPool', 'stem', 'y', attrs)])
  const conv = (attrs: NonNullable<NodeSpec['attrs']>) => spec([node('Conv', 'x w', 'y', attrs)])
  const behind = 'layers that are not supported follow its last map'

  test.each<[string, ModelSpec, CutOptions, string]>([
    [
      'a ViT with dynamic axes',
      spec(vit, flattened, anyImages),
      {},
      `Cannot cut network "n.onnx": ${behind} (at "shape": the operator Shape is not supported); choose with --layer: its maps are "stem"`,
    ],
    ['a GELU by Erf', spec(gelu), {}, `${behind} (at "erf": the operator Erf is not supported)`],
    [
      'a LayerNormalization',
      spec(norm, { scale: weights(8) }),
      {},
      `${behind} (at "norm": the operator LayerNormalization is not supported)`,
    ],
    [
      'an unknown pooling before a convolution',
      spec([stem, node('AveragePool', 'stem', 'p', { kernel_shape: [2, 2] }), node('Conv', 'p w2', 'y')]),
      {},
      `${behind} (at "p": the operator AveragePool is not supported)`,
    ],
    [
      'a layer behind an unknown operator',
      spec(gelu),
      { layer: 'y' },
      'Cannot read network "n.onnx": at "erf": the operator Erf is not supported; its maps are "stem"',
    ],
    [
      'nothing but unknown operators',
      spec([node('Erf', 'x', 'y')]),
      {},
      'it has no map [images, channels, rows, columns] of several cells (at "y": the operator Erf is not supported); use a convolutional network, exported with a fixed image size',
    ],
    [
      'the name of a property of every object',
      spec([node('constructor', 'x', 'y')]),
      { layer: 'y' },
      'the operator constructor is not supported',
    ],
    ['another such name', spec([node('toString', 'x', 'y')]), { layer: 'y' }, 'the operator toString is not supported'],
    [
      'a second output',
      spec([stem, { ...node('MaxPool', 'stem', 'y', { kernel_shape: [2, 2] }), others: ['places'] }]),
      { layer: 'places' },
      '"places": only the first output of the operator MaxPool is supported',
    ],
    [
      'nodes in a cycle',
      spec([node('Add', 'x b', 'a'), node('Relu', 'a', 'b')]),
      { layer: 'b' },
      '"b" depends on itself',
    ],
    [
      'a missing kernel',
      pool({}),
      { layer: 'y' },
      'at "y": the operator MaxPool with the attribute kernel_shape [] is not supported',
    ],
    ['a kernel of one number', pool({ kernel_shape: [2] }), { layer: 'y' }, 'with the attribute kernel_shape [2]'],
    [
      'a stride of 0',
      conv({ strides: [0, 1] }),
      {},
      'at "y": the operator Conv with the attribute strides [0, 1] is not supported',
    ],
    ['too few paddings', conv({ pads: [1, 1] }), {}, 'with the attribute pads [1, 1]'],
    ['groups of 0', conv({ group: 0 }), {}, 'Cannot convolve [B, 3, 8, 8] with [8, 3, 2, 2] in groups of 0'],
    ['an attribute of another type', conv({ strides: 'many' }), {}, 'with the attribute strides of type STRING'],
    ['an unknown padding', conv({ auto_pad: 'SOME' }), {}, 'with the padding "SOME"'],
    [
      'a missing input',
      spec([node('Conv', 'x', 'y')]),
      {},
      'at "y": the operator Conv without its input 1 is not supported',
    ],
    [
      'an input left out',
      spec([node('Conv', ' w', 'y')]),
      {},
      'at "y": the operator Conv without its input 0 is not supported',
    ],
    [
      'a concatenation of nothing',
      spec([{ ...node('Concat', '', 'y'), inputs: [] }]),
      { layer: 'y' },
      'at "y": Cannot concat no tensors',
    ],
    [
      'filters of another rank',
      spec([node('Conv', 'x v', 'y')], { v: weights(8, 3, 2) }),
      {},
      'at "y": the operator Conv on 4 axes with windows of 1 is not supported',
    ],
    [
      'a reshape to NaN',
      spec([node('Reshape', 'x v', 'y')], { v: { shape: [2], values: [Number.NaN, -1] } }),
      { layer: 'y' },
      'Cannot reshape [B, 3, 8, 8] to [NaN, -1]',
    ],
    [
      'a reshape that copies an axis that is not there',
      spec([node('Reshape', 'x v', 'y')], { v: ints(0, 0, 0, 0, 0) }),
      { layer: 'y' },
      'the operator Reshape that copies axis 4 of 4',
    ],
    [
      'paddings that are not a list of pairs',
      spec([node('Pad', 'x v', 'y')], { v: ints(0, 1, 2) }),
      { layer: 'y' },
      'the operator Pad of 4 axes with 3 amounts',
    ],
    [
      'slices with fewer ends than starts',
      spec([node('Slice', 'x a b', 'y')], { a: ints(0, 0), b: ints(1) }),
      { layer: 'y' },
      'the operator Slice with lists of different lengths',
    ],
    [
      'an axis twice',
      spec([node('ReduceMean', 'x', 'y', { axes: [2, -2] })]),
      { layer: 'y' },
      'with an axis twice in [2, -2]',
    ],
    [
      'weights of another type',
      spec([node('Conv', 'x v', 'y')], {
        v: { ...weights(8, 3, 2, 2), int64: true, values: weights(8, 3, 2, 2).values.map(Math.round) },
      }),
      {},
      'at "y": the operator Conv on "v" of type int64 is not supported',
    ],
    [
      'weights of size 0',
      spec([node('Conv', 'x v', 'y')], { v: { shape: [0, 3, 1, 1], values: [], fields: true } }),
      {},
      'the operator Conv makes [B, 0, 8, 8], 0 elements',
    ],
    [
      'weights of negative sizes',
      spec([node('Conv', 'x v', 'y')], { v: { ...weights(8, 3, 2, 2), shape: [-8, -3, 2, 2] } }),
      {},
      'at "y": "v" has 96 values for the shape [-8, -3, 2, 2]',
    ],
    [
      'weights that end inside a number',
      spec([node('Conv', 'x v', 'y')], { v: { ...weights(2), bytes: 7 } }),
      {},
      '"v" has broken values for the shape [2]',
    ],
    [
      'huge images',
      spec([stem], {}, { x: [1, 3, 1e6, 1e6] }),
      {},
      'Cannot cut network "n.onnx": its images are 1000000 x 1000000 pixels; expected 1 to 4096 each way',
    ],
    [
      'sizes beyond counting',
      spec([stem], {}, { x: [1, 3, 2 ** 60, 8] }),
      {},
      'Cannot read network "n.onnx": its input "x" has the size 1152921504606846976',
    ],
    [
      'a huge size that is asked for',
      spec([stem], {}, anyImages),
      { width: 1e6 },
      'its images are 1000000 x 224 pixels',
    ],
    [
      'a size that is not a number',
      spec([stem], {}, anyImages),
      { height: Number.NaN },
      'its images are 224 x NaN pixels',
    ],
    [
      'maps too large for memory',
      spec([stem, node('Resize', 'stem  s', 'y')], { s: { shape: [4], values: [1, 1, 4096, 4096] } }),
      {},
      `the operator Resize makes [B, 8, 16384, 16384], ${2 ** 31} elements; from 1 to ${2 ** 28} are supported`,
    ],
    [
      'a map that does not depend on the images',
      spec([node('Mul', 'x nothing', 'y')], { nothing: scalar(0) }),
      {},
      'layer "y" does not depend on its input "x"',
    ],
    [
      'an input with the name of the output',
      spec([node('Conv', 'regions w', 'y')], {}, { regions: [1, 3, 8, 8] }),
      {},
      'its input is named "regions", which is reserved; rename it',
    ],
  ])('%s', (_, model, options, why) => {
    expect(() => open(model, options)).toThrow(UserError)
    expect(() => open(model, options)).toThrow(why)
  })

  test('sizes of 0 and -1 are sizes that the file leaves open', () => {
    expect(open(spec([stem], {}, { x: [0, 3, -1, 0] }), { width: 6, height: 4 })).toMatchObject({ width: 6, height: 4 })
  })

  test('a layer of a network whose later layers are unknown can be chosen', () => {
    expect(open(spec(vit, flattened, anyImages), { layer: 'stem' }).regions.shape).toEqual(['B', 112 * 112, 8])
  })
})

describe('cut() of a damaged network', () => {
  const convolutions = onnxModel({
    nodes: [
      node('Conv', 'x w1 b1', 'c1', { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }),
      node('BatchNormalization', 'c1 b1 b1 b1 b1', 'n1', { epsilon: { float: 0.001 } }),
      node('Clip', 'n1 zero six', 'r1'),
      node('MaxPool', 'r1', 'p1', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, pads: [0, 0, 1, 1] }),
      node('Resize', 'p1  scales', 'u1', {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
      node('Concat', 'u1 r1', 'j1', { axis: 1 }),
      node('Conv', 'j1 w2', 'c2', { auto_pad: 'SAME_UPPER', group: 2 }),
      node('PRelu', 'c2 slope', 'r2'),
      node('GlobalAveragePool', 'r2', 'g'),
      node('Flatten', 'g', 'f', { axis: 1 }),
      node('Gemm', 'f w3 b3', 'o', { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } }),
      node('Softmax', 'o', 'y', { axis: -1 }),
    ],
    stored: {
      ...{ w1: weights(4, 3, 3, 3), b1: weights(4), zero: scalar(0), six: scalar(6), w2: weights(6, 4, 3, 3) },
      ...{ slope: weights(6, 1, 1), w3: weights(5, 6), b3: weights(5), scales: { shape: [4], values: [1, 1, 2, 2] } },
    },
    output: 'y',
  })
  const movements = onnxModel({
    nodes: [
      node('Slice', 'x starts ends axes steps', 's'),
      node('Pad', 's pads', 'p', { mode: 'constant' }),
      node('Transpose', 'p', 't', { perm: [0, 2, 3, 1] }),
      node('MatMul', 't w', 'm'),
      node('Add', 'm bias', 'a'),
      node('Transpose', 'a', 'h', { perm: [0, 3, 1, 2] }),
      node('HardSwish', 'h', 'k'),
      node('Reshape', 'k shape', 'r', { allowzero: 0 }),
      node('ReduceMean', 'r', 'e', { axes: [-1], keepdims: 0 }),
      node('Unsqueeze', 'e two', 'q'),
      node('Squeeze', 'q two', 'z'),
      node('Mul', 'k k', 'map'),
      node('Resize', 'map  scales', 'y', { mode: 'nearest' }),
    ],
    stored: {
      ...{ starts: ints(0, 0), ends: ints(8, 8), axes: ints(2, 3), steps: ints(2, 2), two: ints(2) },
      ...{ pads: ints(0, 0, 0, 0, 0, 0, 1, 1), w: weights(3, 4), bias: weights(4), shape: ints(0, 4, -1) },
      ...{ scales: { shape: [4], values: [1, 1, 2, 2] } },
    },
    inputs: { x: ['n', 3, 8, 8] },
    output: 'y',
  })
  const layers = [undefined, undefined, 'y', 'c1', 'r2', 'map', 'u1', 'h']

  /** The number of models that can be cut; fails at an error that is no UserError. */
  function countReadable(models: readonly Uint8Array[], random: Random): number {
    let readable = 0
    for (const [i, model] of models.entries()) {
      const layer = layers[random.below(layers.length)]
      try {
        const { regions, weights } = cut(model, 'network "n"', layer === undefined ? {} : { layer })
        toOnnx({ regions }, weights)
        readable++
      } catch (error) {
        if (!(error instanceof UserError)) throw new Error(`Model ${i}, layer ${layer}`, { cause: error })
        expect(error.message).toMatch(/^Cannot (read|cut) network "n": /)
      }
    }
    return readable
  }

  test.each([
    ['convolutions', convolutions],
    ['movements', movements],
  ])('throws nothing but UserError: changed nodes, weights and inputs of %s', (_, model) => {
    const random = new Random(1)
    const readable = countReadable(
      Array.from({ length: 500 }, () => mutated(model, random)),
      random,
    )
    expect(readable).toBeGreaterThan(50)
    expect(readable).toBeLessThan(450)
  })

  test.each([
    ['convolutions', convolutions],
    ['movements', movements],
  ])('throws nothing but UserError: changed bytes and lengths of %s', (_, model) => {
    const random = new Random(2)
    const models = Array.from({ length: 500 }, (_, i) => {
      const changed = model.with(random.below(model.length), random.below(256))
      return i % 10 === 0 ? changed.subarray(0, random.below(model.length)) : changed
    })
    expect(countReadable(models, random)).toBeGreaterThan(20)
  })
})
