import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { type BottomUpPicture, readBottomUp, type SizeOf } from '../../src/disk/bottom-up.ts'
import { importBottomUp } from '../../src/disk/bottom-up-import.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { parseNpy, serializeNpy } from '../../src/formats/npy.ts'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { temporaryFolder } from '../support/folder.ts'

const sample = new URL('../../../shared/data/bottom-up-sample', import.meta.url).pathname
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

async function readAll(
  path: string,
  wanted: readonly string[],
  sizeOf: SizeOf = async () => undefined,
): Promise<BottomUpPicture[]> {
  const all: BottomUpPicture[] = []
  for await (const picture of readBottomUp(path, new Set(wanted), sizeOf)) all.push(picture)
  return all
}

describe.skipIf(ids.length === 0)('real features of five pictures (needs ../shared)', () => {
  test('the folder and a TSV file made from it give the same regions and boxes', async () => {
    const folder = await temporaryFolder()
    const tsv = join(folder, 'features.tsv')
    const lines = ids.map((id) =>
      tsvLine(id, [640, 480], arrayOf('cocobu_box_relative', id).data, arrayOf('cocobu_att', id).data),
    )
    await writeFile(tsv, `${lines.join('\r\n')}\r\n`)
    const [fromFolder, fromTsv] = [await readAll(sample, ids), await readAll(tsv, ids)]
    expect(fromTsv.map(({ id }) => id)).toEqual(ids)
    for (const [i, { regions }] of fromTsv.entries()) {
      expect(regions!.features).toEqual(fromFolder[i]!.regions!.features)
      const boxes = fromFolder[i]!.regions!.boxes!
      for (const [k, edge] of regions!.boxes!.entries()) expect(edge).toBeCloseTo(boxes[k]!, 6)
    }
  })

  test('stored, they come back padded with zeros, with their boxes, and as they were but for float16', async () => {
    const folder = join(await temporaryFolder(), 'features')
    const images = [...ids, 'nowhere'].map((id) => ({ id, path: `${id}.jpg` }))
    const first = await importBottomUp(sample, folder, { pictures: nodePictures, images })
    expect(first).toMatchObject({ made: 5, kept: 0, source: { kind: 'bottom-up', regions: 100, size: 2048 } })
    expect(first.leftOut).toEqual([
      { id: 'nowhere', file: 'nowhere.jpg', why: expect.stringContaining('no regions of it') },
    ])
    expect(await importBottomUp(sample, folder, { pictures: nodePictures, images })).toMatchObject({ made: 0, kept: 5 })
    const store = await FeatureStore.open(folder)
    const two = fromFloat16(await store.read([ids[3]!, ids[1]!]))
    for (const [i, id] of [ids[3]!, ids[1]!].entries()) {
      const { shape, data } = arrayOf('cocobu_att', id)
      const mine = two.subarray(i * 100 * 2048, (i + 1) * 100 * 2048)
      for (let at = 0; at < data.length; at += 31) expect(Math.abs(mine[at]! - data[at]!)).toBeLessThan(0.02)
      expect(mine.subarray(data.length).every((x) => x === 0)).toBe(true)
      const { boxes } = (await store.boxes(id))!
      expect(boxes).toEqual(arrayOf('cocobu_box_relative', id).data)
      expect(boxes).toHaveLength(4 * shape[0]!)
    }
    await store.close()
  })

  test('boxes in pixels are told in parts of the picture, and left out where its size is not known', async () => {
    const folder = await temporaryFolder()
    await cp(join(sample, 'cocobu_att'), join(folder, 'cocobu_att'), { recursive: true })
    await mkdir(join(folder, 'cocobu_box'))
    for (const id of ids) {
      const { shape, data } = arrayOf('cocobu_box_relative', id)
      const pixels = data.map((edge, i) => edge * (i % 2 === 0 ? 640 : 480))
      await writeFile(join(folder, 'cocobu_box', `${id}.npy`), serializeNpy({ shape, data: pixels }))
    }
    const sized = await readAll(folder, ids, async (id) => (id === ids[0] ? undefined : { width: 640, height: 480 }))
    expect(sized[0]!.regions!.boxes).toBeUndefined()
    for (const { id, regions } of sized.slice(1))
      for (const [i, edge] of arrayOf('cocobu_box_relative', id).data.entries())
        expect(regions!.boxes![i]).toBeCloseTo(edge, 6)
  })

  test('.npz is read as .npy is', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'cocobu_att'))
    await cp(join(sample, 'cocobu_box_relative'), join(folder, 'cocobu_box_relative'), { recursive: true })
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
    [fields({}).split('\t').slice(0, 5).join('\t'), 'has 5 fields, not the 6 image_id'],
    [fields({ 1: '0' }), 'has a picture of 0 x 50 pixels'],
    [fields({ 3: '0' }), 'has no regions'],
    [fields({ 3: '0', 4: '', 5: '' }), 'has no regions'],
    [fields({ 3: 'x' }), 'has x boxes'],
    [fields({ 4: base64(Float32Array.of(0, 0, Number.NaN, 1, 0, 0, 1, 1)) }), 'boxes with numbers that are not finite'],
    [fields({ 3: '3' }), 'boxes that are not 3 times 4 float32'],
    [fields({ 4: '????' }), 'boxes that are not 2 times 4'],
    [fields({ 5: base64(features).slice(0, -8) }), 'features that are not 2 rows'],
    [fields({ 5: base64(Float32Array.of(1, Number.NaN, 1, 1)) }), 'region 0 that are not finite'],
    [fields({ 5: base64(Float32Array.of(1, 1, 0, 0)) }), 'nothing but zeros in region 1'],
    [
      fields({ 3: '101', 4: base64(new Float32Array(404)), 5: base64(new Float32Array(101).fill(1)) }),
      '101 regions; the most is 100',
    ],
  ])('%#: %s', async (bad, why) => {
    const tsv = join(await temporaryFolder(), 'f.tsv')
    await writeFile(tsv, [good, bad, good.replace('1', '3')].join('\n'))
    const all = await readAll(tsv, ['1', '2', '3'])
    expect(all.map(({ id }) => id)).toEqual(['1', '2', '3'])
    expect(all[1]!.why).toContain(`line 2 of "${tsv}" `)
    expect(all[1]!.why).toContain(why)
    expect(all[0]!.regions!.boxes).toEqual(boxes)
    expect(fromFloat16(all[2]!.regions!.features)).toEqual(features)
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
    const { made, source, leftOut } = await importBottomUp(tsv, join(folder, 'features'), {
      pictures: nodePictures,
      images,
    })
    expect(made).toBe(2)
    expect(source.size).toBe(4)
    expect(leftOut).toEqual([
      { id: `${odd}`, file: `${odd}.jpg`, why: 'its features have 5 numbers, those of the other pictures 4' },
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
  expect(found.map(({ id, why }) => [id, why?.replace(/^.*?(?=it is|has)/, '').slice(0, 40)])).toEqual([
    ['good', undefined],
    ['short', 'it is cut short; it should be an array a'],
    ['others', 'has bbox.npy, x.npy in it, and no "feat"'],
    ['only', undefined],
    ['folder', 'it is a folder, not a file'],
  ])
})

test('features of other pictures are refused', async () => {
  const tsv = join(await temporaryFolder(), 'f.tsv')
  await writeFile(tsv, tsvLine('7', [10, 10], Float32Array.of(0, 0, 1, 1), Float32Array.of(1)))
  await expect(
    importBottomUp(tsv, `${tsv}.out`, { pictures: nodePictures, images: [{ id: '1', path: '1.jpg' }] }),
  ).rejects.toThrow('they are of none of the 1 pictures of the dataset')
})
