import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBottomUp } from '../../src/disk/bottom-up.ts'
import {
  DATASET_FORMATS,
  type DatasetRepresentation,
  openRepresentationWriter,
} from '../../src/disk/representation-writer.ts'
import { readSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { parseNpy } from '../../src/formats/npy.ts'
import { temporaryFolder } from '../support/folder.ts'

const ORIGIN = { weights: 'ab12', data: 'small', split: 'val' }
const SIZE = 3
const IDS = ['a', '12', 'album/b', '000000391895']

/** A representation of as many rows as its place in IDS, from 1; numbers that float16 has too. */
const imageOf = (id: string): DatasetRepresentation => {
  const rows = IDS.indexOf(id) + 1
  return {
    id,
    size: SIZE,
    features: Float32Array.from({ length: rows * SIZE }, (_, i) => i / 4 - rows),
    boxes: rows === 2 ? undefined : Float32Array.from({ length: rows * 4 }, (_, i) => (i % 4 < 2 ? 0.25 : 0.75)),
    pixels: rows === 3 ? undefined : { width: 640, height: 480 },
  }
}

async function writeAll(format: (typeof DATASET_FORMATS)[number], out: string, ids = IDS): Promise<string[]> {
  const writer = await openRepresentationWriter(format, out, ORIGIN)
  const missing = ids.filter((id) => !writer.has(id))
  for (const id of missing) await writer.write(imageOf(id))
  await writer.close()
  return missing
}

/** Reads as `mia features --bottom-up` does. */
async function readAll(path: string, ids: readonly string[]) {
  const found = new Map<string, readonly number[]>()
  for await (const { id, features } of readBottomUp(path, new Set(ids))) found.set(id, [...fromFloat16(features!)])
  return found
}

test('tsv is the published form: features and boxes of each image come back', async () => {
  const out = join(await temporaryFolder(), 'sgir.tsv')
  await writeAll('tsv', out)
  expect(await readAll(out, IDS)).toEqual(new Map(IDS.map((id) => [id, [...imageOf(id).features]])))
  const lines = (await readFile(out, 'utf8')).split('\n').map((line) => line.split('\t'))
  expect(lines.map((fields) => fields.slice(0, 4))).toEqual([
    ['a', '640', '480', '1'],
    ['12', '640', '480', '2'],
    ['album/b', '1', '1', '3'],
    ['000000391895', '640', '480', '4'],
    [''],
  ])
  const boxes = lines.map((fields) => [
    ...new Float32Array(Uint8Array.from(Buffer.from(fields[4] ?? '', 'base64')).buffer),
  ])
  expect(boxes[0]).toEqual([160, 120, 480, 360])
  expect(boxes[1]).toEqual([0, 0, 640, 480, 0, 0, 640, 480])
  expect(boxes[2]!.slice(0, 4)).toEqual([0.25, 0.25, 0.75, 0.75])
})

test('tsv is resumed after a tear at any byte, without duplicates', async () => {
  const out = join(await temporaryFolder(), 'sgir.tsv')
  await writeAll('tsv', out)
  const whole = await readFile(out)
  for (let length = 0; length < whole.length; length += 3) {
    await writeFile(out, whole.subarray(0, length))
    await writeAll('tsv', out)
    expect(await readFile(out, 'utf8'), `cut to ${length} bytes`).toBe(whole.toString())
  }
})

test('npz has a file of features and one of their mean for each image; what is missing is made again', async () => {
  const out = await temporaryFolder()
  await writeAll('npz', out)
  expect(await readAll(out, ['a', '12'])).toEqual(new Map(['a', '12'].map((id) => [id, [...imageOf(id).features]])))
  const mean = parseNpy(await readFile(join(out, 'cocobu_fc/12.npy')), 'mean')
  expect(mean).toEqual({ shape: [SIZE], data: Float32Array.of(-1.625, -1.375, -1.125) })
  const boxes = parseNpy(await readFile(join(out, 'cocobu_box_relative/album/b.npy')), 'boxes')
  expect(boxes).toEqual({ shape: [3, 4], data: imageOf('album/b').boxes })
  expect((await readdir(join(out, 'cocobu_box_relative'))).sort()).toEqual(['000000391895.npy', 'a.npy', 'album'])
  await rm(join(out, 'cocobu_att/album/b.npz'))
  expect(await writeAll('npz', out)).toEqual(['album/b'])
})

test('safetensors has a tensor for each image, and an index of all files', async () => {
  const out = await temporaryFolder()
  expect(await writeAll('safetensors', out, IDS.slice(0, 3))).toEqual(IDS.slice(0, 3))
  expect(await writeAll('safetensors', out)).toEqual(IDS.slice(3))
  const index = JSON.parse(await readFile(join(out, 'sgir.safetensors.index.json'), 'utf8'))
  for (const id of IDS) {
    const { tensors } = await readSafetensors(join(out, index.weight_map[id]), 'representations')
    const { features, boxes } = imageOf(id)
    expect(tensors.get(id)).toEqual({ dtype: 'F32', shape: [features.length / SIZE, SIZE], data: features })
    expect(tensors.get(`${id}.boxes`)?.data).toEqual(boxes)
  }
  expect(Object.keys(index.weight_map)).toHaveLength(IDS.length + 3)
})

test.each(DATASET_FORMATS)('%s of another origin is never added to, nor by two processes at once', async (format) => {
  const out = join(await temporaryFolder(), 'out')
  const writer = await openRepresentationWriter(format, out, ORIGIN)
  await expect(openRepresentationWriter(format, out, ORIGIN)).rejects.toThrow('this process uses it already')
  await writer.close()
  const opening = openRepresentationWriter(format, out, { ...ORIGIN, weights: 'cd34' })
  await expect(opening).rejects.toThrow(UserError)
  await expect(opening).rejects.toThrow('its weights is "ab12", not "cd34"; give another --out')
})

test('an id never leads out of the folder or breaks the table; an ending is no folder', async () => {
  const folder = await temporaryFolder()
  const npz = await openRepresentationWriter('npz', join(folder, 'npz'), ORIGIN)
  for (const id of ['../a', '/tmp/a', 'a/../../b'])
    await expect(npz.write({ ...imageOf('a'), id })).rejects.toThrow(UserError)
  await npz.close()
  const tsv = await openRepresentationWriter('tsv', join(folder, 'a.tsv'), ORIGIN)
  await expect(tsv.write({ ...imageOf('a'), id: 'a\tb' })).rejects.toThrow('its id has a tab or line end')
  await tsv.close()
  await expect(openRepresentationWriter('npz', join(folder, 'a.npz'), ORIGIN)).rejects.toThrow('npz takes a folder')
})

test("another's features are never added to or cut", async () => {
  const folder = await temporaryFolder()
  const tsv = join(folder, 'trainval.tsv')
  await writeFile(tsv, 'features of another system')
  const opening = openRepresentationWriter('tsv', tsv, ORIGIN)
  await expect(opening).rejects.toThrow(`"${tsv}" exists, and "${tsv}.json", which would say what it is of, does not`)
  expect(await readFile(tsv, 'utf8')).toBe('features of another system')
  await mkdir(join(folder, 'cocobu_att'))
  await expect(openRepresentationWriter('npz', folder, ORIGIN)).rejects.toThrow('give another --out')
})
