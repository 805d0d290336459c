import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { type BottomUpPicture, readBottomUp } from '../../src/disk/bottom-up.ts'
import { importBottomUp } from '../../src/disk/bottom-up-import.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { parseNpy, serializeNpy } from '../../src/formats/npy.ts'
import { temporaryFolder } from '../support/folder.ts'

const sample = fileURLToPath(new URL('../../../shared/data/bottom-up-sample', import.meta.url))
const ids = existsSync(sample) ? readdirSync(join(sample, 'cocobu_att')).map((name) => name.replace('.npy', '')) : []
const arrayOf = (part: string, id: string) => parseNpy(readFileSync(join(sample, part, `${id}.npy`)), id)
const base64 = (numbers: Float32Array): string => Buffer.from(numbers.buffer).toString('base64')

/** A line of the published file. */
function tsvLine(
  id: string,
  [width, height]: [number, number],
  relative: Float32Array,
  features: Float32Array,
): string {
  const boxes = relative.map((edge, i) => edge * (i % 2 === 0 ? width : height))
  return [id, width, height, relative.length / 4, base64(boxes), base64(features)].join('\t')
}

async function readAll(path: string, wanted: readonly string[]): Promise<BottomUpPicture[]> {
  const all: BottomUpPicture[] = []
  for await (const picture of readBottomUp(path, new Set(wanted))) all.push(picture)
  return all
}

describe.skipIf(ids.length === 0)('real features of five pictures (needs ../shared)', () => {
  test('the folder and a TSV file made from it give the same features', async () => {
    const folder = await temporaryFolder()
    const tsv = join(folder, 'features.tsv')
    const lines = ids.map((id) =>
      tsvLine(id, [640, 480], arrayOf('cocobu_box_relative', id).data, arrayOf('cocobu_att', id).data),
    )
    await writeFile(tsv, `${lines.join('\r\n')}\r\n`)
    const [fromFolder, fromTsv] = [await readAll(sample, ids), await readAll(tsv, ids)]
    expect(fromTsv.map(({ id }) => id)).toEqual(ids)
    expect(fromTsv).toEqual(fromFolder)
  })

  test('stored, they come back as they were but for float16, padded with zeros', async () => {
    const folder = join(await temporaryFolder(), 'features')
    const images = [...ids, 'nowhere'].map((id) => ({ id, path: `${id}.jpg` }))
    const first = await importBottomUp(sample, folder, { images })
    expect(first).toMatchObject({ made: 5, kept: 0, source: { kind: 'bottom-up', regions: 100, size: 2048 } })
    expect(first.skipped).toEqual([
      { id: 'nowhere', file: 'nowhere.jpg', reason: expect.stringContaining('no regions of it') },
    ])
    expect(await importBottomUp(sample, folder, { images })).toMatchObject({ made: 0, kept: 5 })
    const store = await FeatureStore.open(folder)
    const two = fromFloat16(await store.read([ids[3]!, ids[1]!]))
    for (const [i, id] of [ids[3]!, ids[1]!].entries()) {
      const { data } = arrayOf('cocobu_att', id)
      const mine = two.subarray(i * 100 * 2048, (i + 1) * 100 * 2048)
      for (let at = 0; at < data.length; at += 31) expect(Math.abs(mine[at]! - data[at]!)).toBeLessThan(0.02)
      expect(mine.subarray(data.length).every((x) => x === 0)).toBe(true)
    }
    await store.close()
  })

  test('.npz is read as .npy is', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'cocobu_att'))
    for (const id of ids)
      await writeFile(
        join(folder, 'cocobu_att', `${id}.npz`),
        zipSync({ 'feat.npy': serializeNpy(arrayOf('cocobu_att', id)) }),
      )
    expect(await readAll(folder, ids)).toEqual(await readAll(sample, ids))
  })
})

describe('a damaged line is named with what is wrong, and the others are read', () => {
  const boxes = Float32Array.of(0, 0, 0.5, 0.5, 0.25, 0.25, 1, 1)
  const features = Float32Array.of(1, 2, 3, 4, 5, 6)
  const good = tsvLine('1', [100, 50], boxes, features)
  const fields = (change: Record<number, string>): string =>
    good
      .split('\t')
      .map((field, i) => (i === 0 ? '2' : (change[i] ?? field)))
      .join('\t')
  test.each([
    ['has 5 fields, not the 6 image_id', fields({}).split('\t').slice(0, 5).join('\t')],
    ['has no regions', fields({ 3: '0' })],
    ['has no regions', fields({ 3: '0', 4: '', 5: '' })],
    ['has x boxes', fields({ 3: 'x' })],
    ['has -1 boxes', fields({ 3: '-1' })],
    ['features that are not 4 rows', fields({ 3: '4' })],
    ['features that are not 2 rows', fields({ 5: base64(features).slice(0, -8) })],
    ['features that are not 2 rows', fields({ 5: '????' })],
    ['region 0 that are not finite', fields({ 5: base64(Float32Array.of(1, Number.NaN, 1, 1)) })],
    ['nothing but zeros in region 1', fields({ 5: base64(Float32Array.of(1, 1, 0, 0)) })],
    ['101 regions; the most is 100', fields({ 3: '101', 5: base64(new Float32Array(101).fill(1)) })],
  ])('%#: %s', async (reason, bad) => {
    const tsv = join(await temporaryFolder(), 'f.tsv')
    await writeFile(tsv, [good, bad, good.replace('1', '3')].join('\n'))
    const all = await readAll(tsv, ['1', '2', '3'])
    expect(all.map(({ id }) => id)).toEqual(['1', '2', '3'])
    expect(all[1]!.reason).toContain(`line 2 of "${tsv}" `)
    expect(all[1]!.reason).toContain(reason)
    for (const place of [0, 2]) expect(fromFloat16(all[place]!.features!)).toEqual(features)
  })
})

test.each([1, 2])(
  'a feature of another length than the others have is left out and named, also the first: %i',
  async (odd) => {
    const folder = await temporaryFolder()
    const tsv = join(folder, 'f.tsv')
    const box = Float32Array.of(0, 0, 1, 1)
    const lines = [1, 2, 3].map((id) => tsvLine(`${id}`, [10, 10], box, new Float32Array(id === odd ? 5 : 4).fill(id)))
    await writeFile(tsv, lines.join('\n'))
    const images = ['1', '2', '3'].map((id) => ({ id, path: `${id}.jpg` }))
    const { made, source, skipped } = await importBottomUp(tsv, join(folder, 'features'), { images })
    expect(made).toBe(2)
    expect(source.size).toBe(4)
    expect(skipped).toEqual([
      { id: `${odd}`, file: `${odd}.jpg`, reason: 'its features have 5 numbers, those of the other pictures 4' },
    ])
  },
)

test('files of a folder that are damaged are left out, each with what is wrong', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'cocobu_att/folder.npy'), { recursive: true })
  const good = serializeNpy({ shape: [1, 3], data: Float32Array.of(1, 2, 3) })
  const boxes = serializeNpy({ shape: [1, 4], data: Float32Array.of(0, 0, 1, 1) })
  const files = {
    'good.npy': good,
    'short.npy': Uint8Array.from([...good.subarray(0, 6), 2, 0, 1, 0, 0]),
    'others.npz': zipSync({ 'bbox.npy': boxes, 'x.npy': good }),
    'only.npz': zipSync({ 'arr_0.npy': good }),
  }
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, 'cocobu_att', name), bytes)
  const found = await readAll(folder, ['good', 'short', 'others', 'only', 'folder'])
  expect(found.map(({ id, reason }) => [id, reason?.replace(/^.*?(?=it is|has)/, '').slice(0, 40)])).toEqual([
    ['good', undefined],
    ['short', 'it is cut short; it should be an array a'],
    ['others', 'has bbox.npy, x.npy in it, and no "feat"'],
    ['only', undefined],
    ['folder', 'it is a folder, not a file'],
  ])
})

test.each([0, 6] as const)('a bit that flips in a .npz file of compression level %i is noticed', async (level) => {
  const folder = await temporaryFolder()
  const bytes = zipSync({ 'feat.npy': serializeNpy({ shape: [2, 3], data: some }) }, { level })
  const path = join(folder, '1.npz')
  const header = 30 + 'feat.npy'.length
  for (let at = header; at < bytes.length - 100; at++) {
    const damaged = Uint8Array.from(bytes)
    damaged[at]! ^= 1 << (at % 8)
    await writeFile(path, damaged)
    const [read] = await readAll(folder, ['1'])
    expect(read?.reason, `byte ${at}`).toMatch(`Cannot read "${path}": its zip data are damaged`)
  }
})

test('features of other pictures are refused, and a path that is nothing is named', async () => {
  const tsv = join(await temporaryFolder(), 'f.tsv')
  await writeFile(tsv, tsvLine('7', [10, 10], Float32Array.of(0, 0, 1, 1), Float32Array.of(1)))
  await expect(importBottomUp(tsv, `${tsv}.out`, { images: [{ id: '1', path: '1.jpg' }] })).rejects.toThrow(
    'it has features of none of the 1 pictures of the dataset: it has "7", the dataset has "1"',
  )
  await expect(readAll(`${tsv}.none`, ['1'])).rejects.toThrow('there is no such file or folder')
  await expect(readAll(join(tsv, 'x'), ['1'])).rejects.toThrow('a part of its path is a file, not a folder')
})

const some = Float32Array.of(1, 2, 3, 4, 5, 6)
const line = tsvLine('7', [10, 10], Float32Array.of(0, 0, 0.5, 0.5, 0.25, 0.25, 1, 1), some)
const fieldsOf = (id: string) => [id, ...line.split('\t').slice(1)]

test.each([
  ["Python's bytes", fieldsOf("b'7'").map((field, i) => (i > 3 ? `b'${field}'` : field))],
  ["Python's bytes in double quotes", fieldsOf('7').map((field, i) => (i > 3 ? `b"${field}"` : field))],
  ['quoted fields', fieldsOf('7').map((field) => `"${field}"`)],
  ['single quotes', fieldsOf('7').map((field) => `'${field}'`)],
  ['padded ids', fieldsOf('000000000007')],
  ['names of COCO', fieldsOf('COCO_val2014_000000000007')],
  ['file names', fieldsOf('val2014/COCO_val2014_000000000007.jpg')],
  [
    'the ten columns of LXMERT',
    ['COCO_val2014_000000000007', 10, 10, 'oi', 'oc', 'ai', 'ac', 2, ...fieldsOf('7').slice(4)],
  ],
])('a TSV file with %s', async (_, fields) => {
  const tsv = join(await temporaryFolder(), 'f.tsv')
  await writeFile(tsv, `${fields.join('\t')}\n`)
  const [picture, ...others] = await readAll(tsv, ['1', '7'])
  expect(others).toEqual([])
  expect(picture!.id).toBe('7')
  expect(fromFloat16(picture!.features!)).toEqual(some)
})

test('an id that fits two pictures is used for the one that has it, also when the import resumes', async () => {
  const folder = await temporaryFolder()
  const tsv = join(folder, 'f.tsv')
  const images = ['7', '007'].map((id) => ({ id, path: `${id}.jpg` }))
  await writeFile(tsv, fieldsOf('007').join('\t'))
  expect(await importBottomUp(tsv, join(folder, 'features'), { images })).toMatchObject({ made: 1, kept: 0 })
  const again = await importBottomUp(tsv, join(folder, 'features'), { images })
  expect(again).toMatchObject({ made: 0, kept: 1, skipped: [{ id: '7' }] })
  expect(await readAll(tsv, ['7', '07'])).toEqual([])
})

test('a folder of .npy files with padded ids or names of COCO, without "cocobu_att"', async () => {
  const folder = await temporaryFolder()
  const bytes = serializeNpy({ shape: [2, 3], data: some })
  for (const name of ['000000000007.npy', 'COCO_val2014_000000000009.npy', 'readme.txt'])
    await writeFile(join(folder, name), bytes)
  expect((await readAll(folder, ['7', '8', '9'])).map(({ id }) => id)).toEqual(['7', '9'])
  const images = [{ id: '1', path: '1.jpg' }]
  await expect(importBottomUp(folder, join(folder, 'out'), { images })).rejects.toThrow(
    'it has "000000000007.npy", the dataset has "1"',
  )
})

test.each([
  ['\x89HDF\r\n\x1a\n', /it is HDF5; give a TSV file as published, or a folder with a \.npy or \.npz file for each/],
  ['PK\x03\x04', /it is a zip archive; unpack it/],
  ['\x1f\x8b\x08', /it is gzip; unpack it/],
  ['\x93NUMPY\x01', /it is a NumPy array; give the folder/],
  ['\x80\x04\x95', /it is a Python pickle/],
])('a file that begins with %j is named', async (start, message) => {
  const path = join(await temporaryFolder(), 'features.h5')
  await writeFile(path, Buffer.from(`${start} and more`, 'latin1'))
  await expect(readAll(path, ['1'])).rejects.toThrow(message)
})
