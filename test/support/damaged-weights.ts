import type { TensorData } from '../../src/formats/safetensors.ts'

/** Tensors of another type, with as many elements. */
const others: Readonly<Record<string, (length: number) => Pick<TensorData, 'dtype' | 'data'>>> = {
  I32: (length) => ({ dtype: 'I32', data: new Int32Array(length).fill(1) }),
  U32: (length) => ({ dtype: 'U32', data: new Uint32Array(length).fill(1) }),
  F64: (length) => ({ dtype: 'F64', data: new Float64Array(length).fill(1) }),
  BF16: (length) => ({ dtype: 'BF16', data: new Uint16Array(length).fill(0x3f80) }),
  I64: (length) => ({ dtype: 'I64', data: new BigInt64Array(length).fill(1n) }),
}

/** Ways in which a weight can be wrong, with what the error says of it; undefined is a missing weight. */
export const damages: readonly [string, (weight: TensorData) => TensorData | undefined, RegExp][] = [
  ...Object.entries(others).map(
    ([dtype, make]) =>
      [
        `the type ${dtype}`,
        ({ shape, data }: TensorData) => ({ shape, ...make(data.length) }),
        new RegExp(`has the type ${dtype} and should be F32`),
      ] as [string, (weight: TensorData) => TensorData, RegExp],
  ),
  ...[Number.NaN, Number.NEGATIVE_INFINITY].map(
    (odd) =>
      [
        `a ${odd}`,
        ({ dtype, shape, data }: TensorData) => ({
          dtype,
          shape,
          data: Float32Array.from(data as Float32Array, (number, i) => (i === data.length - 1 ? odd : number)),
        }),
        /has numbers that are not finite/,
      ] as [string, (weight: TensorData) => TensorData, RegExp],
  ),
  ['no such name', () => undefined, /has no "/],
  [
    'another shape',
    ({ dtype, shape, data }) => ({ dtype, shape: [1, ...shape], data }),
    /is \[1, .*\] and should be \[.*\]/,
  ],
]

/** The tensors with one of them damaged. */
export function damaged<T extends TensorData>(
  tensors: ReadonlyMap<string, T>,
  name: string,
  damage: (weight: TensorData) => TensorData | undefined,
): Map<string, TensorData> {
  const all = new Map<string, TensorData>(tensors)
  const wrong = damage(all.get(name)!)
  if (wrong) all.set(name, wrong)
  else all.delete(name)
  return all
}
