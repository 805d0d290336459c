import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { elementCount } from '../../src/formats/host-value.ts'
import { parseNpy, serializeNpy } from '../../src/formats/npy.ts'

const sample = fileURLToPath(new URL('../../../shared/data/bottom-up-sample', import.meta.url))

test.skipIf(!existsSync(sample))('parseNpy() reads arrays that NumPy wrote: features of a real image', () => {
  const [image] = JSON.parse(readFileSync(`${sample}/dataset_coco_testing.json`, 'utf8')).images
  const { shape, data } = parseNpy(readFileSync(`${sample}/cocobu_att/${image.cocoid}.npy`), 'features')
  expect(shape[1]).toBe(2048)
  expect(shape[0]).toBeGreaterThanOrEqual(10)
  // the dataset has the mean of the same regions, computed by its authors
  const mean = parseNpy(readFileSync(`${sample}/cocobu_fc/${image.cocoid}.npy`), 'mean features')
  expect(mean.shape).toEqual([2048])
  for (let f = 0; f < 2048; f += 97) {
    let sum = 0
    for (let r = 0; r < shape[0]!; r++) sum += data[r * 2048 + f]!
    expect(sum / shape[0]!).toBeCloseTo(mean.data[f]!, 4)
  }
})

test('parseNpy() reads what serializeNpy() writes, with data aligned to 64 bytes as the format requires', () => {
  for (const shape of [[3], [2, 3], [1, 2, 3, 4]]) {
    const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => i / 7)
    const bytes = serializeNpy({ shape, data })
    expect((bytes.length - data.byteLength) % 64).toBe(0)
    expect(parseNpy(bytes, 'x')).toEqual({ shape, data })
  }
})

const header = (fields: string, body: number) => {
  const bytes = new Uint8Array(10 + fields.length + body)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, fields.length, 0])
  bytes.set(new TextEncoder().encode(fields), 10)
  return bytes
}

const fields = (shape: string, descr = '<f4', order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`

test('parseNpy() reads scalars, empty arrays and the shapes of Python 2', () => {
  expect(parseNpy(header(fields(''), 4), 'a').shape).toEqual([])
  expect(parseNpy(header(fields('0, 3'), 0), 'a').shape).toEqual([0, 3])
  expect(parseNpy(header(fields(' 2 , 3 ,'), 24), 'a').shape).toEqual([2, 3])
})

test.each([
  [new Uint8Array(20), 'it is not a .npy file'],
  [header(fields('1,', '<i8'), 8), 'its elements are "<i8", not one of <f4, <f8, <f2'],
  [header(fields('1,', 'constructor'), 8), 'its elements are "constructor"'],
  [header(fields('2, 2', '<f4', 'True'), 16), 'it is in Fortran order'],
  [header(fields('2, 2'), 12), 'it has 12 bytes of data, its shape (2, 2) needs 16'],
  [header(fields('-2, -3'), 24), 'its shape is (-2, -3)'],
  [header(fields('2.4, 5'), 48), 'its shape is (2.4, 5)'],
  [header(fields('0x2, 3'), 24), 'its shape is (0x2, 3)'],
  [header(fields('2 3'), 24), 'its shape is (2 3)'],
  [header(fields(', 3'), 12), 'its shape is (, 3)'],
])('parseNpy() refuses another file and says why (%#)', (bytes, why) => {
  expect(() => parseNpy(bytes, 'array "a.npy"')).toThrow(UserError)
  expect(() => parseNpy(bytes, 'array "a.npy"')).toThrow(`Cannot read array "a.npy": ${why}`)
})
