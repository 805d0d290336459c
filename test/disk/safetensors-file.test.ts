import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readSafetensors, SafetensorsFile, writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import type { TensorData } from '../../src/formats/safetensors.ts'

let folder: string
let path: string
const rows: TensorData = { dtype: 'F16', shape: [5, 2, 3], data: Uint16Array.from({ length: 30 }, (_, i) => i) }
const scalar: TensorData = { dtype: 'I64', shape: [], data: BigInt64Array.of(-7n) }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-safetensors-'))
  path = join(folder, 'a.safetensors')
  await writeSafetensors(path, Object.entries({ rows, scalar }), { by: 'test' })
})
afterAll(() => rm(folder, { recursive: true }))

test('readSafetensors() returns what writeSafetensors() was given; no other file is left', async () => {
  const { tensors, metadata } = await readSafetensors(path, 'weights')
  expect(tensors).toEqual(new Map(Object.entries({ rows, scalar })))
  expect(metadata).toEqual({ by: 'test' })
  expect(await readdir(folder)).toEqual(['a.safetensors'])
})

test('SafetensorsFile reads one tensor, or rows of it, many at a time', async () => {
  const file = await SafetensorsFile.open(path, 'weights')
  expect(file.metadata).toEqual({ by: 'test' })
  expect(await file.read('scalar')).toEqual(scalar)
  const three = new Uint16Array(18)
  await Promise.all([4, 0, 2].map((row, i) => file.readRows('rows', row, three.subarray(i * 6, i * 6 + 6))))
  expect([...three]).toEqual([24, 25, 26, 27, 28, 29, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17])
  await file.close()
})

test('SafetensorsFile.readRows() refuses rows that are not there and arrays that do not fit', async () => {
  const file = await SafetensorsFile.open(path, 'weights')
  await expect(file.readRows('rows', 4, new Uint16Array(12))).rejects.toThrow(RangeError)
  await expect(file.readRows('rows', -1, new Uint16Array(6))).rejects.toThrow(RangeError)
  await expect(file.readRows('rows', 0, new Uint16Array(7))).rejects.toThrow(RangeError)
  await expect(file.readRows('rows', 0, new Float32Array(6))).rejects.toThrow(RangeError)
  await expect(file.readRows('columns', 0, new Uint16Array(6))).rejects.toThrow(UserError)
  await file.close()
})

test('a file that is missing, cut short or something else is an error that names it', async () => {
  const missing = join(folder, 'b.safetensors')
  for (const open of [readSafetensors, SafetensorsFile.open]) {
    await expect(open(missing, 'weights')).rejects.toThrow(`Cannot read weights "${missing}": there is no such file`)
  }
  await writeFile(missing, 'GIF89a, rather')
  await expect(SafetensorsFile.open(missing, 'weights')).rejects.toThrow('probably not a safetensors file')
  await writeSafetensors(missing, [['rows', rows]])
  await truncate(missing, (await readFile(missing)).length - 1)
  for (const open of [readSafetensors, SafetensorsFile.open]) {
    await expect(open(missing, 'weights')).rejects.toThrow(`Cannot read weights "${missing}": it is cut short`)
  }
})

test('a bit that flips anywhere in a file is noticed', async () => {
  const [whole, flipped] = [await readFile(path), join(folder, 'flipped.safetensors')]
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 1 << (at % 8)
    await writeFile(flipped, bytes)
    await expect(readSafetensors(flipped, 'weights'), `byte ${at}`).rejects.toThrow(UserError)
  }
  const bytes = Buffer.from(whole)
  bytes[bytes.length - 1]! ^= 1
  await writeFile(flipped, bytes)
  await expect(readSafetensors(flipped, 'weights')).rejects.toThrow(
    `Cannot read weights "${flipped}": its checksum is wrong; the file is damaged: copy it or make it again`,
  )
})

test('a file without checksums, of another program, is read', async () => {
  const header = Buffer.from('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"by":"another"}}')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const other = join(folder, 'other.safetensors')
  await writeFile(other, Buffer.concat([length, header, Buffer.of(7)]))
  const { tensors, metadata } = await readSafetensors(other, 'weights')
  expect([...tensors.get('a')!.data]).toEqual([7])
  expect(metadata).toEqual({ by: 'another' })
})

test('a file cut short after it was opened is an error, not wrong numbers', async () => {
  const shrinking = join(folder, 'c.safetensors')
  await writeSafetensors(shrinking, [['rows', rows]])
  const file = await SafetensorsFile.open(shrinking, 'features')
  await truncate(shrinking, 150)
  await expect(file.read('rows')).rejects.toThrow('it ends at byte 150')
  await file.close()
})
