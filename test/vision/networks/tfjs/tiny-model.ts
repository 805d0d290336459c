import type { TfjsModel, TfjsNodeDef } from '../../../../src/vision/networks/tfjs/model-file.ts'

type Attributes = NonNullable<TfjsNodeDef['attr']>

/** A stored value: float32 or int32, or float32 stored in a smaller type. */
export interface TinyWeight {
  readonly shape: readonly number[]
  readonly values: readonly number[]
  readonly dtype?: 'float32' | 'int32'
  /** the values are steps of `scale` from `min` */
  readonly uint8?: { readonly scale: number; readonly min: number }
  /** the values are float16 bits */
  readonly float16?: true
}

/** A node of the model. */
export interface TinyNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly attr?: Attributes
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
/** A text attribute. */
export const text = (value: string): Attributes[string] => ({ s: base64(value) })
/** A list of texts as an attribute. */
export const texts = (...values: readonly string[]): Attributes[string] => ({ list: { s: values.map(base64) } })
/** A list of integers as an attribute. */
export const ints = (...values: readonly number[]): Attributes[string] => ({ list: { i: values.map(String) } })

/** The attributes of a convolution. */
export const window = (stride: number, padding: 'SAME' | 'VALID', fused: readonly string[] = []): Attributes => ({
  strides: ints(1, stride, stride, 1),
  dilations: ints(1, 1, 1, 1),
  padding: text(padding),
  data_format: text('NHWC'),
  T: { type: 'DT_FLOAT' } as Attributes[string],
  ...(fused.length > 0 && {
    fused_ops: texts(...fused),
    num_args: { i: '1' },
    epsilon: { f: 0 } as Attributes[string],
  }),
})

/** A TensorFlow.js graph model of an image `x` `[1, height, width, channels]`: its JSON and its weights. */
export function tinyModel(
  [height, width, channels]: readonly [number, number, number],
  weights: Readonly<Record<string, TinyWeight>>,
  nodes: Readonly<Record<string, TinyNode>>,
): { model: TfjsModel; bytes: Uint8Array } {
  const dim = [1, height, width, channels].map((size) => ({ size: `${size}` }))
  const type = (dtype: string) => ({ dtype: { type: dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT' } }) as Attributes
  const node: TfjsNodeDef[] = [
    { name: 'x', op: 'Placeholder', attr: { shape: { shape: { dim } }, ...type('float32') } },
    ...Object.entries(weights).map(([name, { dtype = 'float32' }]) => ({ name, op: 'Const', attr: type(dtype) })),
    ...Object.entries(nodes).map(([name, { op, inputs, attr = {} }]) => ({ name, op, input: [...inputs], attr })),
  ]
  const listed = Object.entries(weights).map(([name, { shape, dtype = 'float32', uint8, float16 }]) => ({
    name,
    shape: [...shape],
    dtype,
    ...(uint8 && { quantization: { dtype: 'uint8', ...uint8, original_dtype: 'float32' } }),
    ...(float16 && { quantization: { dtype: 'float16', original_dtype: 'float32' } }),
  }))
  return {
    model: {
      format: 'graph-model',
      modelTopology: { node, versions: {} } as TfjsModel['modelTopology'],
      weightsManifest: [{ paths: ['weights.bin'], weights: listed }],
    },
    bytes: Buffer.concat(Object.values(weights).map(bytesOf)),
  }
}

function bytesOf({ values, dtype, uint8, float16 }: TinyWeight): Uint8Array {
  if (uint8) return Uint8Array.from(values)
  const array = float16
    ? Uint16Array.from(values)
    : dtype === 'int32'
      ? Int32Array.from(values)
      : Float32Array.from(values)
  return new Uint8Array(array.buffer)
}
