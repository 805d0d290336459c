import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { readSafetensors, writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import type { FeatureSource } from '../../src/vision/feature-source.ts'
import { killed, startScript } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { featuresOf, source } from '../vision/sources.ts'

const id = (n: number): string => `image ${n}`

/** Features of images `from` to `to`, in shards of four. */
async function write(folder: string, from: number, to: number): Promise<void> {
  const writer = await FeatureWriter.open(folder, source, { shardSize: 4 })
  for (let n = from; n < to; n++) await writer.add(id(n), { features: featuresOf(n) })
  await writer.close()
}

async function expectStored(folder: string, numbers: readonly number[]): Promise<void> {
  const store = await FeatureStore.open(folder)
  const read = await store.read(numbers.map(id))
  expect([...read]).toEqual(numbers.flatMap((n) => [...featuresOf(n)]))
  await store.close()
}

describe('FeatureStore reads what FeatureWriter wrote', () => {
  test('in any order, repeated, padded to as many regions as are asked for', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 10)
    await expectStored(folder, [9, 0, 4, 4, 3, 7])
    const store = await FeatureStore.open(folder)
    expect([...(await store.read([id(8), id(1)], 3))]).toEqual([...featuresOf(8), 0, 0, 0, ...featuresOf(1), 0, 0, 0])
    await expect(store.read([id(8)], 1)).rejects.toThrow(`Cannot read image "${id(8)}" into 1 regions: it has 2`)
    expect(store.count(id(8))).toBe(2)
    expect([store.regions, store.size, store.has(id(9)), store.has(id(10))]).toEqual([2, 3, true, false])
    await store.close()
  })

  test('in shards that any reader of safetensors understands, and an index with the source', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 6)
    expect((await readdir(folder)).toSorted()).toEqual([
      'index.json',
      'shard-00000.safetensors',
      'shard-00001.safetensors',
    ])
    const { tensors } = await readSafetensors(join(folder, 'shard-00001.safetensors'), 'features')
    const data = Uint16Array.of(...featuresOf(4), ...featuresOf(5))
    expect(tensors).toEqual(new Map([['features', { dtype: 'F16', shape: [2, 2, 3], data }]]))
    expect(JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))).toEqual({
      format: 'mia-features/2',
      ...source,
      dtype: 'F16',
      shards: [
        { file: 'shard-00000.safetensors', ids: [0, 1, 2, 3].map(id) },
        { file: 'shard-00001.safetensors', ids: [4, 5].map(id) },
      ],
      skipped: [],
    })
  })

  test('after the writer was closed and opened again', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 6)
    const writer = await FeatureWriter.open(folder, source, { shardSize: 4 })
    expect([writer.count, writer.has(id(5)), writer.has(id(6))]).toEqual([6, true, false])
    await writer.add(id(6), { features: featuresOf(6) })
    await writer.close()
    await expectStored(folder, [0, 5, 6])
  })

  test('which images were left out and why, until they are added', async () => {
    const folder = await temporaryFolder()
    const writer = await FeatureWriter.open(folder, source)
    writer.skip({ id: id(1), file: 'a.jpg', reason: 'it is empty' })
    writer.skip({ id: id(2), file: 'b.jpg', reason: 'it is empty' })
    await writer.add(id(2), { features: featuresOf(2) })
    await writer.close()
    const store = await FeatureStore.open(folder)
    expect(store.header.skipped).toEqual([{ id: id(1), file: 'a.jpg', reason: 'it is empty' }])
    await expect(store.read([id(1)])).rejects.toThrow(
      'Cannot read features of image "image 1": it was left out because it is empty',
    )
    await expect(store.read([id(3)])).rejects.toThrow('has none; make them with "mia features"')
    await store.close()
  })
})

describe('features of boxes', () => {
  const boxes: FeatureSource = { kind: 'bottom-up', regions: 3, size: 2 }

  async function writeBoxes(folder: string): Promise<void> {
    const writer = await FeatureWriter.open(folder, boxes)
    await writer.add('a', { features: Uint16Array.of(1, 2, 3, 4) })
    await writer.add('b', { features: Uint16Array.of(5, 6) })
    await writer.close()
  }

  test('are stored without padding, and read with it', async () => {
    const folder = await temporaryFolder()
    await writeBoxes(folder)
    const { tensors } = await readSafetensors(join(folder, 'shard-00000.safetensors'), 'features')
    const data = Uint16Array.of(1, 2, 3, 4, 5, 6)
    expect([...tensors]).toEqual([['features', { dtype: 'F16', shape: [3, 2], data }]])
    const store = await FeatureStore.open(folder)
    expect([...(await store.read(['b', 'a']))]).toEqual([5, 6, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0])
    await store.close()
  })

  test('are read from shards of version 0.1.0, which hold boxes, labels and scores too', async () => {
    const folder = await temporaryFolder()
    await writeBoxes(folder)
    const path = join(folder, 'shard-00000.safetensors')
    const { tensors, metadata } = await readSafetensors(path, 'features')
    tensors.set('boxes', { dtype: 'F32', shape: [3, 4], data: new Float32Array(12) })
    tensors.set('labels', { dtype: 'I32', shape: [3], data: new Int32Array(3) })
    tensors.set('scores', { dtype: 'F32', shape: [3], data: new Float32Array(3) })
    await writeSafetensors(path, tensors, metadata)
    const store = await FeatureStore.open(folder)
    expect([...(await store.read(['b'], 1))]).toEqual([5, 6])
    await store.close()
    expect((await FeatureWriter.open(folder, boxes)).count).toBe(2)
  })

  test('are from one region to as many as the source allows', async () => {
    const writer = await FeatureWriter.open(await temporaryFolder(), boxes)
    for (const length of [0, 3, 8])
      await expect(writer.add('a', { features: new Uint16Array(length) })).rejects.toThrow(
        `they are ${length} numbers and should be 1 to 3 rows of 2`,
      )
  })

  test.each([
    ['counts of other images', [1], 'has 2 ids and 1 counts'],
    ['more regions than there are', [2, 4], 'has 4 regions, more than the 3 of the source'],
    ['no counts', undefined, 'has no counts of regions'],
  ])('with an index that has %s are refused', async (_, counts, why) => {
    const folder = await temporaryFolder()
    await writeBoxes(folder)
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))
    index.shards[0].counts = counts
    await writeFile(join(folder, 'index.json'), JSON.stringify(index))
    await expect(FeatureStore.open(folder)).rejects.toThrow(UserError)
    await expect(FeatureStore.open(folder)).rejects.toThrow(why)
  })
})

describe('FeatureWriter refuses', () => {
  test('a folder that another process writes to, and leaves its files alone', async () => {
    const folder = await temporaryFolder()
    const child = startScript(new URL('write-until-killed.ts', import.meta.url), [folder])
    await once(child.stdout!, 'data')
    for (let i = 0; i < 5; i++)
      await expect(FeatureWriter.open(folder, source)).rejects.toThrow(
        `Cannot use features "${folder}": process ${child.pid} on `,
      )
    await once(child.stdout!, 'data')
    await killed(child)
    const writer = await FeatureWriter.open(folder, source)
    expect(writer.count).toBeGreaterThan(0)
    await writer.close()
    expect((await readdir(folder)).filter((name) => !/^(shard-\d+\.safetensors|index\.json)$/.test(name))).toEqual([])
  })

  test.each<[string, object, string]>([
    ['another network', { network: { file: 'tiny.onnx', sha256: 'bb'.repeat(32) } }, 'sha256 bbbbbbbbbbbb'],
    ['another layer', { layer: 'pool' }, 'layer "pool"'],
    ['another size', { size: 4 }, '2 regions of 4'],
    ['other pictures', { preprocessing: { ...source.preprocessing, width: 8 } }, 'pictures 8 x 2'],
    ['another mean', { preprocessing: { ...source.preprocessing, mean: [0, 0, 0] } }, 'mean 0 0 0'],
  ])('to go on with %s, and says both', async (_, change, said) => {
    const folder = await temporaryFolder()
    await write(folder, 0, 2)
    const opening = FeatureWriter.open(folder, { ...source, ...change })
    await expect(opening).rejects.toThrow(UserError)
    await expect(opening).rejects.toThrow(
      '2 regions of 3 from layer "map" of tiny.onnx (sha256 aaaaaaaaaaaa), pictures 4 x 2 RGB, mean 0.5 0.5 0.5',
    )
    await expect(opening).rejects.toThrow(said)
    const store = await FeatureStore.open(folder)
    expect(() => store.require({ ...source, ...change }, 'run "r"')).toThrow(said)
  })

  test('not the same network under another name', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 2)
    const renamed = { ...source, network: { ...source.network, file: 'other.onnx' } }
    expect((await FeatureWriter.open(folder, renamed)).count).toBe(2)
  })

  test('features of another length, and an image twice', async () => {
    const writer = await FeatureWriter.open(await temporaryFolder(), source)
    await expect(writer.add(id(0), { features: new Uint16Array(5) })).rejects.toThrow(
      'they are 5 numbers and should be 6',
    )
    await writer.add(id(0), { features: featuresOf(0) })
    await expect(writer.add(id(0), { features: featuresOf(0) })).rejects.toThrow('it has some')
  })
})

describe('damage', () => {
  const damages: [string, (folder: string) => Promise<void>, string][] = [
    ['a missing shard', (folder) => rm(join(folder, 'shard-00001.safetensors')), 'there is no such file'],
    ['a shard cut short', (folder) => truncate(join(folder, 'shard-00001.safetensors'), 150), 'it is cut short'],
    ['an empty shard', (folder) => writeFile(join(folder, 'shard-00001.safetensors'), ''), 'it has 0 bytes'],
    [
      'a shard in the place of another',
      (folder) => rename(join(folder, 'shard-00000.safetensors'), join(folder, 'shard-00001.safetensors')),
      'it does not hold the images that the index says',
    ],
  ]
  test('of one image in a shard is named, and leaves the others', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 4)
    const path = join(folder, 'shard-00000.safetensors')
    const bytes = await readFile(path)
    bytes[bytes.length - 1]! ^= 1 // the last image's
    await writeFile(path, bytes)
    const store = await FeatureStore.open(folder)
    expect([...(await store.read([id(2)]))]).toEqual([...featuresOf(2)])
    await expect(store.read([id(3)])).rejects.toThrow(
      `Cannot read features "${path}": the checksum of its image 4 is wrong; the file is damaged: delete it, and run ` +
        '"mia features" again, which makes what is missing',
    )
    await store.close()
  })

  test('of an index that names an image twice is refused', async () => {
    const folder = await temporaryFolder()
    await write(folder, 0, 8)
    const path = join(folder, 'index.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace('"image 5"', '"image 1"'))
    await expect(FeatureStore.open(folder)).rejects.toThrow(`Cannot read "${path}": it has image "image 1" twice`)
  })

  test.each(damages)('of %s is named, with what to do, and mended by the next writer', async (_, damage, why) => {
    const folder = await temporaryFolder()
    await write(folder, 0, 12)
    await damage(folder)
    const store = await FeatureStore.open(folder)
    const reading = store.read([id(5)])
    await expect(reading).rejects.toThrow(UserError)
    await expect(reading).rejects.toThrow(join(folder, 'shard-00001.safetensors'))
    await expect(reading).rejects.toThrow(why)
    await expect(reading).rejects.toThrow('run "mia features" again: it makes what is missing')
    expect([...(await store.read([id(9)]))]).toEqual([...featuresOf(9)])
    await store.close()

    const writer = await FeatureWriter.open(folder, source, { shardSize: 4 })
    expect([writer.has(id(5)), writer.has(id(9))]).toEqual([false, true])
    for (let n = 0; n < 12; n++) if (!writer.has(id(n))) await writer.add(id(n), { features: featuresOf(n) })
    await writer.close()
    await expectStored(folder, [0, 5, 9, 11])
  })

  test.each([
    ['is missing', undefined, 'there is no such file'],
    ['is not JSON', '{"format":', 'it is not JSON'],
    [
      'is of another format',
      '{"format":"mia-features/9"}',
      'format is "mia-features/9" and should be "mia-features/2"',
    ],
    [
      'names a file elsewhere',
      JSON.stringify({
        format: 'mia-features/2',
        ...source,
        dtype: 'F16',
        shards: [{ file: '../x', ids: [] }],
        skipped: [],
      }),
      'it names a shard "../x"',
    ],
  ])('of an index that %s is named', async (_, text, why) => {
    const folder = await temporaryFolder()
    if (text !== undefined) await writeFile(join(folder, 'index.json'), text)
    await expect(FeatureStore.open(folder)).rejects.toThrow(UserError)
    await expect(FeatureStore.open(folder)).rejects.toThrow(why)
    await expect(FeatureStore.open(folder)).rejects.toThrow(join(folder, 'index.json'))
  })
})

test('a writer killed at any moment loses at most the shard in work, and the next resumes', async () => {
  const folder = await temporaryFolder()
  const script = fileURLToPath(new URL('write-until-killed.ts', import.meta.url))
  let least = 0
  for (const lines of [1, 3, 9, 14, 30, 31]) {
    const child = spawn(process.execPath, ['--import', 'tsx', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    for await (const text of child.stdout) {
      said += text
      if (said.split('\n').length > lines) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    const begun = Number(said.trimEnd().split('\n').at(-1))
    const { header } = await FeatureStore.open(folder)
    const ids = header.shards.flatMap((shard) => shard.ids)
    expect(ids.length).toBeGreaterThanOrEqual(Math.max(least, begun - 4))
    await expectStored(
      folder,
      ids.map((name) => Number(name.split(' ')[1])),
    )
    least = ids.length
  }
  const [last, unbroken] = [await FeatureWriter.open(folder, source, { shardSize: 4 }), await temporaryFolder()]
  for (let n = 0; n < least + 5; n++) if (!last.has(id(n))) await last.add(id(n), { features: featuresOf(n) })
  await last.close()
  await write(unbroken, 0, least + 5)
  const names = (await readdir(unbroken)).sort()
  expect((await readdir(folder)).sort()).toEqual(names)
  for (const name of names) expect(await readFile(join(folder, name))).toEqual(await readFile(join(unbroken, name)))
})

test('an index in format mia-features/1, which called skipped images leftOut, is still read', async () => {
  const folder = await temporaryFolder()
  const writer = await FeatureWriter.open(folder, source)
  writer.skip({ id: 'a', file: 'a.jpg', reason: 'it is empty' })
  await writer.close()
  const path = join(folder, 'index.json')
  const { skipped, ...rest } = JSON.parse(await readFile(path, 'utf8'))
  const leftOut = skipped.map(({ reason: why, ...image }: { reason: string }) => ({ ...image, why }))
  await writeFile(path, JSON.stringify({ ...rest, format: 'mia-features/1', leftOut }))
  const store = await FeatureStore.open(folder)
  expect(store.header.skipped).toEqual([{ id: 'a', file: 'a.jpg', reason: 'it is empty' }])
  await store.close()
})
