import { expect, test } from 'vitest'
import { sha256 } from '../../src/formats/sha256.ts'
import * as g from '../../src/graph/index.ts'
import { EXPORT_VERSION, toOnnx } from '../../src/onnx/export.ts'
import { TfjsImport } from '../../src/vision/networks/tfjs/import.ts'
import { ints, type TinyNode, tinyModel, window } from '../vision/networks/tfjs/tiny-model.ts'

/** Forward operators of images and of sequences, with sizes that are numbers and symbols. */
function graph(): Record<string, g.Tensor> {
  const image = g.input('image', ['B', 4, 8, 6])
  const convolved = g.conv(image, g.input('filters', [6, 2, 3, 3]), g.input('bias', [6]), {
    strides: [2, 1],
    before: [1, 1],
    after: [1, 1],
    groups: 2,
  })
  const pooled = g.maxPool(g.relu(convolved), {
    kernel: [2, 2],
    strides: [2, 2],
    dilations: [1, 1],
    before: [0, 0],
    after: [0, 0],
    ceil: false,
  })
  const rows = g.transpose(g.reshape(pooled, ['B', 6, 6]), [0, 2, 1])
  const normal = g.layerNorm(rows, g.input('scale', [6]), g.input('shift', [6]))
  const hidden = g.linear(normal, g.input('weight', [8, 6]), g.input('b', [8]))
  const weights = g.softmax(g.div(g.matmul(hidden, hidden, { transB: true }), Math.sqrt(8)))
  const mixed = g.matmul(weights, hidden)
  const words = g.gather(g.input('table', [9, 8]), g.input('words', ['B'], 'int32'))
  const [left, right] = g.split(g.add(g.mean(mixed, [1]), words), 1, 2) as [g.Tensor, g.Tensor]
  const gated = g.mul(g.sigmoid(left), g.tanh(right))
  const scores = g.logSoftmax(g.concat([gated, g.pad(g.slice(gated, 1, 0, 2), 1, 1, 1)], 1))
  const { values, indices } = g.topK(scores, 3)
  const masked = g.where(g.greater(gated, 0), g.exp(g.neg(gated)), g.clip(g.sqrt(g.softplus(gated)), 0, 1))
  const even = g.bitXor(g.shiftRight(g.cast(g.iota('B'), 'uint32'), 1), g.cast(g.iota('B'), 'uint32'))
  return {
    values,
    indices,
    masked,
    even: g.equal(g.cast(even, 'int32'), 0),
    total: g.sub(g.sum(g.log(g.add(g.sum(masked, [1]), 1))), g.sum(g.expand(g.input('offset', [1]), ['B']))),
    rows: g.scatterAdd(g.input('like', [9, 4]), g.input('words', ['B'], 'int32'), masked),
  }
}

const float = { T: { type: 'DT_FLOAT' } } as NonNullable<TinyNode['attr']>

/** A translation of a TensorFlow.js model with weights of each storage. */
function translation(): Uint8Array {
  const counting = (size: number) => Array.from({ length: size }, (_, i) => (i % 7) / 4 - 0.75)
  const { model, bytes } = tinyModel(
    [8, 6, 4],
    {
      filters: { shape: [3, 3, 4, 5], values: counting(180) },
      each: { shape: [3, 3, 5, 1], values: counting(45) },
      bias: { shape: [5], values: counting(5) },
      half: { shape: [5], values: [0x3800, 0xbc00, 0x3c00, 0x4000, 0], float16: true },
      coarse: {
        shape: [1, 1, 5, 3],
        values: Array.from({ length: 15 }, (_, i) => 16 * i),
        uint8: { scale: 0.25, min: -1.5 },
      },
      twice: { shape: [2], values: [8, 6], dtype: 'int32' },
      last: { shape: [], values: [3], dtype: 'int32' },
      space: { shape: [2], values: [1, 2], dtype: 'int32' },
    },
    {
      conv: { op: '_FusedConv2D', inputs: ['x', 'filters', 'bias'], attr: window(2, 'SAME', ['BiasAdd', 'Relu6']) },
      depthwise: { op: 'DepthwiseConv2dNative', inputs: ['conv', 'each'], attr: window(1, 'SAME') },
      scaled: { op: 'Mul', inputs: ['depthwise', 'half'], attr: float },
      active: { op: 'Sigmoid', inputs: ['scaled'], attr: float },
      large: {
        op: 'ResizeBilinear',
        inputs: ['active', 'twice'],
        attr: { ...float, align_corners: { b: false }, half_pixel_centers: { b: false } },
      },
      point: {
        op: 'Conv2D',
        inputs: ['large', 'coarse'],
        attr: { ...window(1, 'VALID'), dilations: ints(1, 1, 1, 1) },
      },
      both: { op: 'ConcatV2', inputs: ['point', 'x', 'last'], attr: { ...float, N: { i: '2' } } },
      mean: { op: 'Mean', inputs: ['both', 'space'], attr: { ...float, keep_dims: { b: false } } },
    },
  )
  const network = new TfjsImport(model, bytes, { what: 'network', weightsWhat: 'weights', width: 6, height: 8 })
  return toOnnx({ both: network.tensor('both'), mean: network.tensor('mean') }, network.weights)
}

const changed =
  'The bytes of exported models have changed: raise EXPORT_VERSION in src/onnx/export.ts, so that cached ones are made ' +
  'again, and write the new version and hashes here'

test('EXPORT_VERSION is raised whenever exported bytes change', async () => {
  const hashes = [await sha256(toOnnx(graph())), await sha256(translation())]
  expect({ version: EXPORT_VERSION, hashes }, changed).toEqual({
    version: 3,
    hashes: [
      '3c11836ebeca59fd43ab03c77f0c93b9052f607189d1fd55d481f4bda4ab6abd',
      '609ef1975fb0eac757f9fe714d156b9fd189be275cc7981a4b3c595f690d1770',
    ],
  })
})
