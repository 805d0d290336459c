import { describe, expect, test } from 'vitest'
import type { Assets } from '../../../src/engine/assets.ts'
import { UserError } from '../../../src/errors.ts'
import { floats } from '../../../src/formats/host-value.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import { readModel } from '../../../src/onnx/file.ts'
import { Random } from '../../../src/random.ts'
import { type Cut, type CutOptions, cut } from '../../../src/vision/networks/cut.ts'
import { openOnnxNetwork } from '../../../src/vision/networks/onnx-network.ts'
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
  inputs: inputs === '' ? [] : inputs.split(' '),
  output,
  attrs,
})
const spec = (
  nodes: NodeSpec[],
  stored: ModelSpec['stored'] = {},
  inputs: ModelSpec['inputs'] = images,
): ModelSpec => ({
  nodes,
  stored: { w: weights(8, 3, 2, 2), w2: weights(8, 8, 1, 1), one: scalar(1), ...stored },
  inputs,
  output: nodes.at(-1)!.output,
})
const images = { x: [1, 3, 8, 8] }
const anyImages = { x: ['batch', 3, 'height', 'width'] }
const stem = node('Conv', 'x w', 'stem', { strides: [2, 2] })
const open = (model: ModelSpec, options: CutOptions = {}): Promise<Cut> =>
  cut(nodeRuntime, readModel(onnxModel(model)), 'network "n.onnx"', options)

/** The layers that PyTorch's exporter writes for `x.view(x.size(0), -1)`. */
const flatten = (x: string, y: string): NodeSpec[] => [
  node('Shape', x, 'shape'),
  node('Gather', 'shape first', 'count', { axis: 0 }),
  node('Unsqueeze', 'count zero', 'counts'),
  node('Concat', 'counts rest', 'sizes', { axis: 0 }),
  node('Reshape', `${x} sizes`, y),
]
const flattened = { first: { shape: [], values: [0], int64: true }, zero: ints(0), rest: ints(-1) }

/** Tokens of 4 x 4 patches behind a class token, one layer of attention, and a class. */
const transformer: NodeSpec[] = [
  stem,
  node('Reshape', 'stem grid', 'cells'),
  node('Transpose', 'cells', 'patches', { perm: [0, 2, 1] }),
  node('Concat', 'class patches', 'tokens', { axis: 1 }),
  node('MatMul', 'tokens wq', 'q'),
  node('Transpose', 'tokens', 'keys', { perm: [0, 2, 1] }),
  node('MatMul', 'q keys', 'scores'),
  node('Softmax', 'scores', 'attention', { axis: -1 }),
  node('MatMul', 'attention q', 'mixed'),
  node('Add', 'tokens mixed', 'block'),
  node('Gather', 'block first', 'pooled', { axis: 1 }),
  node('MatMul', 'pooled wq', 'y'),
]
const transformerWeights = {
  grid: ints(1, 8, 16),
  class: weights(1, 1, 8),
  wq: weights(8, 8),
  first: { shape: [], values: [0], int64: true },
}

describe('cut() takes by default', () => {
  test.each<[string, ModelSpec, Partial<Cut>]>([
    [
      'the map before layers that flatten a vector by its shape',
      spec([stem, node('GlobalAveragePool', 'stem', 'p'), ...flatten('p', 'y')], flattened),
      { layer: 'stem' },
    ],
    [
      'the map before a pooling layer',
      spec([stem, node('AveragePool', 'stem', 'p', { kernel_shape: [4, 4] }), node('Softmax', 'p', 'y')]),
      { layer: 'stem' },
    ],
    [
      'the map of a network with constants among its nodes',
      spec([
        node('Constant', '', 'three', { value_float: { float: 3 } }),
        stem,
        node('ReduceMean', 'stem', 'y', { axes: [2, 3] }),
      ]),
      { layer: 'stem' },
    ],
    [
      'a map behind operators that read no map, such as GELU by Erf',
      spec([stem, node('Erf', 'stem', 'erf'), node('Add', 'erf one', 'sum'), node('Conv', 'sum w2', 'y')]),
      { layer: 'y' },
    ],
    [
      'a map of channels last',
      spec(
        [
          stem,
          node('Transpose', 'stem', 'last', { perm: [0, 2, 3, 1] }),
          node('MatMul', 'last square', 'linear'),
          node('Relu', 'linear', 'y'),
          node('ReduceMean', 'y', 'z', { axes: [1, 2] }),
        ],
        { square: weights(8, 8) },
      ),
      { layer: 'y' },
    ],
    ['the tokens that the class is made of', spec(transformer, transformerWeights), { layer: 'block' }],
    [
      'tokens and not the keys of the attention that pools them',
      spec(
        [
          ...transformer.slice(0, -2),
          node('MatMul', 'block wq', 'pool_keys'),
          node('Transpose', 'pool_keys', 'pool_turned', { perm: [0, 2, 1] }),
          node('MatMul', 'class pool_turned', 'pool_scores'),
          node('MatMul', 'pool_scores block', 'y'),
        ],
        transformerWeights,
      ),
      { layer: 'block' },
    ],
    [
      'the tensor of the name "features"',
      spec([{ ...stem, output: 'features' }, node('Conv', 'features w2', 'y')]),
      { layer: 'features' },
    ],
  ])('%s', async (_, model, expected) => {
    expect(await open(model)).toMatchObject({ rows: 4, columns: 4, size: 8, width: 8, height: 8, ...expected })
  })

  test('tokens of patches that are made by a reshape, with a grid of the proportions of the image', async () => {
    const nodes = [
      node('Reshape', 'x split', 'parts'),
      node('Transpose', 'parts', 'turned', { perm: [0, 2, 4, 3, 5, 1] }),
      node('Reshape', 'turned joined', 'patches'),
      node('MatMul', 'patches embed', 'tokens'),
      node('Concat', 'class tokens', 'all', { axis: 1 }),
      node('Relu', 'all', 'y'),
      node('ReduceMean', 'y', 'z', { axes: [1] }),
    ]
    const stored = {
      ...{ split: ints(1, 3, 4, 2, 8, 2), joined: ints(1, 32, 12) },
      ...{ embed: weights(12, 8), class: weights(1, 1, 8) },
    }
    expect(await open(spec(nodes, stored, { x: [1, 3, 8, 16] }))).toMatchObject({
      ...{ layer: 'y', rows: 4, columns: 8, size: 8 },
    })
  })

  test('the last map of a network of 2,000 layers', async () => {
    const layers = Array.from({ length: 2000 }, (_, i) => node('Relu', i === 0 ? 'stem' : `r${i - 1}`, `r${i}`))
    expect((await open(spec([stem, ...layers]))).layer).toBe('r1999')
  })
})

describe('a cut network', () => {
  const run = async (model: ModelSpec, feeds: number[], options: CutOptions = {}) => {
    const { model: bytes, inputName, width, height } = await open(model, options)
    const session = await nodeRuntime.load(bytes)
    const image = floats([1, 3, height, width], Float32Array.from(feeds))
    const { data, shape } = Object.values(await session.run({ [inputName]: image }))[0]!
    session.release()
    return { shape, data: [...(data as Float32Array)] }
  }
  const image = Array.from({ length: 192 }, (_, i) => Math.cos(i))

  test('computes the same under names that the cut uses too', async () => {
    const model = spec(
      [node('Conv', 'images regions', 'shape_0', { strides: [2, 2] }), node('Add', 'shape_0 regions_float', 'y')],
      { regions: weights(8, 3, 2, 2), regions_float: weights(8, 1, 1) },
      { images: [1, 3, 8, 8] },
    )
    const plain = spec([stem, node('Add', 'stem b', 'y')], { b: weights(8, 1, 1) })
    expect(await run(model, image)).toEqual(await run(plain, image))
  })

  test('leaves out class tokens: its regions are the patches', async () => {
    const tokens = await run(spec(transformer, transformerWeights), image, { layer: 'tokens' })
    expect(tokens).toEqual(await run(spec(transformer, transformerWeights), image, { layer: 'patches' }))
    expect(tokens.shape).toEqual([1, 16, 8])
  })

  test('has its channels last, whatever their axis in the file', async () => {
    const last = [stem, node('Transpose', 'stem', 'last', { perm: [0, 2, 3, 1] })]
    expect(await run(spec(last), image, { layer: 'last' })).toEqual(await run(spec([stem]), image))
  })

  test('takes channels first where the file takes them last', async () => {
    const turned = node('Transpose', 'x', 'first', { perm: [0, 3, 1, 2] })
    const keras = spec([turned, { ...stem, inputs: ['first', 'w'] }], {}, { x: ['n', 8, 8, 3] })
    expect(await run(keras, image)).toEqual(await run(spec([stem]), image))
  })

  test('ends at the layer: what ONNX Runtime does not know may follow it', async () => {
    const model = spec([stem, { ...node('Secret', 'stem', 'y'), domain: 'com.example' }])
    expect((await open(model, { layer: 'stem' })).layer).toBe('stem')
  })

  test('needs no input but the images: the text of CLIP is dropped', async () => {
    const model = spec([stem, node('Add', 'stem text', 'y')], {}, { text: ['n', 8], x: ['n', 3, 8, 8] })
    const found = await open(model)
    const session = await nodeRuntime.load(found.model)
    expect([found.layer, session.inputNames]).toEqual(['stem', ['x']])
    session.release()
  })

  test('takes the first usual size that the network accepts, if the file leaves it open', async () => {
    const fixed = spec([stem, node('Add', 'stem places', 'y')], { places: weights(1, 8, 128, 128) }, anyImages)
    expect(await open(fixed)).toMatchObject({ width: 256, height: 256, rows: 128 })
    expect(await open(spec([stem], {}, anyImages))).toMatchObject({ width: 224, height: 224 })
    const usual = { width: 32, height: 16 }
    expect(await open(spec([stem], {}, anyImages), { usual })).toMatchObject({ ...usual, rows: 8, columns: 16 })
  })

  test('takes sizes of 0 and -1 as sizes that the file leaves open', async () => {
    const found = await open(spec([stem], {}, { x: [0, 3, -1, 0] }), { width: 6, height: 4 })
    expect(found).toMatchObject({ batch: undefined, width: 6, height: 4, rows: 2, columns: 3 })
  })
})

describe('cut() refuses with UserError', () => {
  const conv = (attrs: NonNullable<NodeSpec['attrs']>) => spec([node('Conv', 'x w', 'y', attrs)])
  const cannot = 'Cannot use network "n.onnx": '
  const refused = `${cannot}ONNX Runtime cannot run it on images of 8 x 8: `

  test.each<[string, ModelSpec, CutOptions, string]>([
    [
      'a layer that is not there',
      spec(transformer, transformerWeights),
      { layer: 'head' },
      `${cannot}it has no layer "head"; its layers are "block", "tokens", "patches", "cells", "stem", "mixed" and 4 more`,
    ],
    [
      'a layer that is a vector',
      spec(transformer, transformerWeights),
      { layer: 'pooled' },
      `${cannot}layer "pooled" is [1, 8], not a map [images, channels, rows, columns] or tokens [images, tokens, size]; its layers are "block"`,
    ],
    [
      'an operator of another library before the default layer',
      spec([stem, { ...node('Secret', 'stem', 'secret'), domain: 'com.example' }, node('Conv', 'secret w2', 'y')]),
      {},
      `${cannot}its operator com.example.Secret is not one of ONNX Runtime's; choose a layer before it with --layer: its layers are "stem"`,
    ],
    [
      'a layer behind such an operator',
      spec([stem, { ...node('Secret', 'stem', 'secret'), domain: 'com.example' }, node('Conv', 'secret w2', 'y')]),
      { layer: 'y' },
      `${cannot}layer "y" needs the operator com.example.Secret, which ONNX Runtime does not have; its layers are "stem"`,
    ],
    [
      'a layer that needs another input',
      spec([stem, node('Add', 'stem text', 'y')], {}, { ...images, text: [8] }),
      { layer: 'y' },
      `${cannot}layer "y" needs "text", and not only the images; its layers are "stem"`,
    ],
    [
      'a network whose vectors alone can be had',
      spec([node('Flatten', 'x', 'y')]),
      {},
      `${cannot}it has no map [images, channels, rows, columns] and no tokens [images, tokens, size]; export its image encoder without pooling`,
    ],
    [
      'an unknown operator',
      spec([node('constructor', 'x', 'y')]),
      {},
      `${refused}at "y" (constructor): No Op registered for constructor with domain_version of 13; choose an earlier layer with --layer, or export it again`,
    ],
    [
      'nodes in a cycle',
      spec([node('Add', 'x b', 'a'), node('Relu', 'a', 'b')]),
      { layer: 'b' },
      `${cannot}"a" depends on itself`,
    ],
    [
      'a map that does not depend on the images',
      spec([stem, node('Neg', 'w', 'y')]),
      { layer: 'y' },
      'layer "y" does not depend on its input "x"',
    ],
    ['a stride of 0', conv({ strides: [0, 1] }), {}, refused],
    ['a missing input', spec([node('Conv', 'x', 'y')]), {}, `${refused}at "y" (Conv): `],
    [
      'weights that end inside a number',
      spec([node('Add', 'x v', 'y')], { v: { ...weights(2), bytes: 7 } }),
      {},
      refused,
    ],
    [
      'an image size that its position embedding does not fit',
      spec([stem, node('Add', 'stem places', 'y')], { places: weights(1, 8, 3, 3) }, anyImages),
      {},
      'ONNX Runtime cannot run it on images of 224 x 224: ',
    ],
    [
      'another such size, which is asked for',
      spec([stem, node('Add', 'stem places', 'y')], { places: weights(1, 8, 3, 3) }, anyImages),
      { width: 50, height: 50 },
      'give another size of its images with --size, or export it again with a fixed size',
    ],
    [
      'a size that the file does not have',
      spec([stem]),
      { width: 224, height: 224 },
      `${cannot}it takes images of 8 x 8 pixels, not 224 x 224; leave out the size`,
    ],
    [
      'huge images',
      spec([stem], {}, { x: [1, 3, 1e6, 1e6] }),
      {},
      `${cannot}its images are 1000000 x 1000000 pixels; expected 1 to 4096 each way`,
    ],
    ['a huge size that is asked for', spec([stem], {}, anyImages), { width: 1e6, height: 224 }, '1000000 x 224 pixels'],
    ['a size that is not a number', spec([stem], {}, anyImages), { height: Number.NaN, width: 8 }, '8 x NaN pixels'],
    ['many images at once', spec([stem], {}, { x: [1000, 3, 8, 8] }), {}, `${cannot}it takes 1000 images at once`],
    [
      'maps too large for memory',
      spec([stem, node('Resize', 'stem  s', 'y')], { s: { shape: [4], values: [1, 1, 2 ** 18, 2 ** 18] } }),
      {},
      `${cannot}layer "y" has 1048576 x 1048576 cells of 8 numbers; choose a smaller one with --layer`,
    ],
    [
      'a network of something else than pictures',
      spec([stem], {}, { x: [1, 4, 5, 6] }),
      {},
      `${cannot}its inputs are "x" [1, 4, 5, 6]; expected images [images, 3, height, width] or [images, height, width, 3]`,
    ],
  ])('%s, in one line', async (_, model, options, why) => {
    const opening = open(model, options)
    await expect(opening).rejects.toThrow(UserError)
    await expect(opening).rejects.toThrow(why)
    await expect(opening).rejects.toThrow(/^.{20,520}$/)
  })
})

describe('a damaged network', () => {
  const convolutions = onnxModel({
    nodes: [
      node('Conv', 'x w1 b1', 'c1', { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }),
      node('BatchNormalization', 'c1 b1 b1 b1 b1', 'n1', { epsilon: { float: 0.001 } }),
      node('Clip', 'n1 zero six', 'r1'),
      node('MaxPool', 'r1', 'p1', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
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
    opset: 14,
  })
  const layers = [undefined, undefined, 'y', 'c1', 'r2', 'map', 'u1', 'h']

  /** The number of models that can be opened and run; fails at an error that is no UserError. */
  async function countUsable(models: readonly Uint8Array[], random: Random): Promise<number> {
    let usable = 0
    for (const [i, model] of models.entries()) {
      const layer = layers[random.below(layers.length)]
      const assets: Assets = {
        read: async () => model,
        sibling: async () => undefined,
        resolve: (name) => name,
        builtin: async () => model,
        cached: (_, make) => make(),
      }
      const engine = { runtime: nodeRuntime, pictures: nodePictures, assets }
      try {
        const network = await openOnnxNetwork(engine, 'n', layer === undefined ? {} : { layer })
        await network.run(new Float32Array(3 * network.input.width * network.input.height), 1)
        network.release()
        usable++
      } catch (error) {
        if (!(error instanceof UserError)) throw new Error(`Model ${i}, layer ${layer}`, { cause: error })
        expect(error.message).toMatch(/^Cannot (read|use|run) network "n".{10,500}$/)
      }
    }
    return usable
  }

  test.each([
    ['convolutions', convolutions],
    ['movements', movements],
  ])('throws nothing but UserError: changed nodes, weights and inputs of %s', async (_, model) => {
    const random = new Random(1)
    const models = Array.from({ length: 400 }, () => mutated(model, random))
    const usable = await countUsable(models, random)
    expect(usable).toBeGreaterThan(40)
    expect(usable).toBeLessThan(360)
  })

  test.each([
    ['convolutions', convolutions],
    ['movements', movements],
  ])('throws nothing but UserError: changed bytes and lengths of %s', async (_, model) => {
    const random = new Random(2)
    const models = Array.from({ length: 400 }, (_, i) => {
      const changed = model.with(random.below(model.length), random.below(256))
      return i % 10 === 0 ? changed.subarray(0, random.below(model.length)) : changed
    })
    expect(await countUsable(models, random)).toBeGreaterThan(20)
  })
})
