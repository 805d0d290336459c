import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { parseNpy, serializeNpy } from '../../src/formats/npy.ts'

const sample = fileURLToPath(new URL('../../../shared/data/bottom-up-sample', import.meta.url))

test.skipIf(!existsSync(sample))('reads arrays that NumPy wrote: features of a real picture', () => {
  const [image] = JSON.parse(readFileSync(`${sample}/dataset_coco_testing.json`, 'utf8')).images
  const { shape, data } = parseNpy(readFileSync(`${sample}/cocobu_att/${image.cocoid}.npy`), 'features')
  expect(shape[1]).toBe(2048)
  expect(shape[0]).toBeGreaterThanOrEqual(10)
  // its mean features were computed by others from the same regions
  const mean = parseNpy(readFileSync(`${sample}/cocobu_fc/${image.cocoid}.npy`), 'mean features')
  expect(mean.shape).toEqual([2048])
  for (let f = 0; f < 2048; f += 97) {
    let sum = 0
    for (let r = 0; r < shape[0]!; r++) sum += data[r * 2048 + f]!
    expect(sum / shape[0]!).toBeCloseTo(mean.data[f]!, 4)
  }
})

test('what is written is read, and the numbers start at a multiple of 64 bytes as the format asks', () => {
  for (const shape of [[3], [2, 3], [1, 2, 3, 4]]) {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 7)
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

test.each([
  [new Uint8Array(20), 'it is no .npy file'],
  [header("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", 8), 'its numbers are "<i8"'],
  [header("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16), 'Fortran order'],
  [header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 12), '12 bytes of numbers'],
])('another file is refused with the reason (%#)', (bytes, why) => {
  expect(() => parseNpy(bytes, 'array "a.npy"')).toThrow(UserError)
  expect(() => parseNpy(bytes, 'array "a.npy"')).toThrow(why)
})
