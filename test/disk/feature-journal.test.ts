import { existsSync } from 'node:fs'
import { appendFile, cp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { mergeFeatureParts } from '../../src/disk/feature-parts.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { featuresOf, source } from '../vision/sources.ts'

const id = (n: number): string => `image ${n}`
const IMAGES = 12
/** Images that are skipped. */
const SKIPPED = [2, 3, 7]

/** Adds the images that are not there yet, in order, in shards of two; `after` is called after each. */
async function write(folder: string, after?: (n: number) => Promise<void>): Promise<void> {
  const writer = await FeatureWriter.open(folder, source, { shardSize: 2 })
  for (let n = 0; n < IMAGES; n++) {
    if (SKIPPED.includes(n)) writer.skip({ id: id(n), file: `${n}.jpg`, reason: 'it is empty' })
    else if (!writer.has(id(n))) await writer.add(id(n), { features: featuresOf(n) })
    await after?.(n)
  }
  await writer.close()
}

/** The bytes of every file of a folder by its name. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'latin1')])),
  )
}

/** Folders as a kill may leave them: after each image, with a torn journal, and with one that the index took in. */
async function killedFolders(): Promise<string[]> {
  const [folder, copies] = [await temporaryFolder(), await temporaryFolder()]
  const killed: string[] = []
  const keep = async (): Promise<string> => {
    const copy = join(copies, `${killed.length}`)
    await cp(folder, copy, { recursive: true })
    await rm(join(copy, 'lock.json')) // of this process, which runs
    killed.push(copy)
    return copy
  }
  await write(folder, async (n) => {
    await keep()
    if (n % 4 !== 3) return
    const text = await readFile(join(folder, 'index.jsonl'), 'utf8')
    for (let cut = 0; cut < text.length; cut += 61)
      await writeFile(join(await keep(), 'index.jsonl'), text.slice(0, cut))
  })
  for (const copy of [...killed].filter((copy) => existsSync(join(copy, 'index.jsonl'))).slice(-3)) {
    const journal = await readFile(join(copy, 'index.jsonl'))
    await (await FeatureWriter.open(copy, source)).close()
    await writeFile(join(copy, 'index.jsonl'), journal)
  }
  return killed
}

describe('the journal of features', () => {
  test('is gone when the writer is closed, and names each shard before', async () => {
    const folder = await temporaryFolder()
    const lines: number[] = []
    await write(folder, async () => {
      const text = await readFile(join(folder, 'index.jsonl'), 'utf8').catch(() => '')
      lines.push(text.split('\n').length - 1)
    })
    expect(lines).toEqual([0, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5]) // its first line is that of the index
    expect((await readdir(folder)).filter((name) => !name.startsWith('shard-'))).toEqual(['index.json'])
  })

  test('of a killed writer is read, and the next writer ends with the bytes of one that was never killed', async () => {
    const whole = await temporaryFolder()
    await write(whole)
    const right = await contentOf(whole)
    const killed = await killedFolders()
    expect(killed.length).toBeGreaterThan(20)
    let most = 0
    for (const folder of killed) {
      const store = await FeatureStore.open(folder)
      const ids = store.header.shards.flatMap((shard) => shard.ids)
      most = Math.max(most, ids.length)
      expect([...(await store.read(ids))]).toEqual(ids.flatMap((each) => [...featuresOf(Number(each.slice(6)))]))
      await store.close()
      await write(folder)
      expect(await contentOf(folder)).toEqual(right)
    }
    expect(most).toBe(8)
  })

  test('has the images that were skipped', async () => {
    const folder = await temporaryFolder()
    const seen: unknown[] = []
    await write(folder, async (n) => {
      if (n === 4) return
      const { header } = await FeatureStore.open(folder)
      if (n === 5) seen.push(...header.skipped.map((image) => image.id))
    })
    expect(seen).toEqual([id(2), id(3)])
  })

  test.each<[string, (text: string) => string, string]>([
    ['is not JSON', (text) => text.replace('{"shard"', '{"sh'), 'line 2 is not JSON'],
    ['has no ids', (text) => text.replace('"ids"', '"names"'), 'shard.ids is missing; it is in line 2'],
    ['names a file elsewhere', (text) => text.replace('"shard-00000', '"../x'), 'it names a shard "../x'],
    ['names an image twice', (text) => text.replace('image 1', 'image 0'), 'it has image "image 0" twice'],
  ])('with a line that %s is refused with what to do, which helps', async (_, damage, why) => {
    const folder = await temporaryFolder()
    const copy = await temporaryFolder()
    await write(folder, async (n) => {
      if (n === 6) await cp(folder, copy, { recursive: true })
    })
    await rm(join(copy, 'lock.json'))
    const path = join(copy, 'index.jsonl')
    await writeFile(path, damage(await readFile(path, 'utf8')))
    for (const opening of [() => FeatureStore.open(copy), () => FeatureWriter.open(copy, source)]) {
      await expect(opening()).rejects.toThrow(`Cannot read "${path}": `)
      await expect(opening()).rejects.toThrow(why)
      await expect(opening()).rejects.toThrow('delete that file and run "mia features" again')
    }
    await rm(path)
    await write(copy)
    expect(await contentOf(copy)).toEqual(await contentOf(folder))
  })

  test('is not written through a link', async () => {
    const [folder, elsewhere] = [await temporaryFolder(), join(await temporaryFolder(), 'x')]
    await writeFile(elsewhere, 'mine')
    await symlink(elsewhere, join(folder, 'index.jsonl'))
    await expect(
      write(folder, async (n) => {
        if (n > 0) return
        await rm(join(folder, 'index.jsonl'), { force: true })
        await symlink(elsewhere, join(folder, 'index.jsonl'))
      }),
    ).rejects.toThrow(`Cannot write "${join(folder, 'index.jsonl')}": another program has made it meanwhile`)
    expect(await readFile(elsewhere, 'utf8')).toBe('mine')
  })

  test('is not needed: an index alone is read as it is', async () => {
    const folder = await temporaryFolder()
    await write(folder)
    const path = join(folder, 'index.json')
    const index = JSON.parse(await readFile(path, 'utf8'))
    index.skipped.push(index.skipped[0]) // twice
    await writeFile(path, JSON.stringify(index))
    expect((await FeatureStore.open(folder)).header).toEqual(index)
  })

  test('of another index says nothing', async () => {
    const folder = await temporaryFolder()
    await write(folder)
    const right = await contentOf(folder)
    const header = '{"format":"mia-features-journal/1","index":"00000000"}\n'
    await writeFile(join(folder, 'index.jsonl'), header)
    await appendFile(join(folder, 'index.jsonl'), '{"shard":{"file":"shard-00009.safetensors","ids":["image 0"]}}\n')
    expect((await FeatureStore.open(folder)).header.shards).toHaveLength(5)
    await write(folder)
    expect(await contentOf(folder)).toEqual(right)
  })
})

test('parts that were taken in part before a kill are taken once, with the images that they skipped', async () => {
  const folder = await temporaryFolder()
  const part = join(folder, 'part-1-of-2')
  await write(part)
  const before = await FeatureWriter.open(folder, source, { shardSize: 2 })
  for (const n of [0, 1]) await before.add(id(n), { features: featuresOf(n) }) // the part's first shard
  await before.close()
  await mergeFeatureParts(folder, source)
  expect(Object.keys(await contentOf(folder))).toEqual([
    'index.json',
    ...[0, 1, 2, 3, 4].map((n) => `shard-0000${n}.safetensors`),
  ])
  const store = await FeatureStore.open(folder)
  const numbers = [0, 1, 4, 5, 6, 8, 9, 10, 11]
  expect([...(await store.read(numbers.map(id)))]).toEqual(numbers.flatMap((n) => [...featuresOf(n)]))
  expect(store.header.skipped.map((image) => image.id)).toEqual(SKIPPED.map(id))
  await store.close()
})

/** The bytes that are written to files while `work` runs. */
async function bytesWritten(work: () => Promise<void>): Promise<number> {
  const path = join(await temporaryFolder(), 'x')
  const file = await open(path, 'w')
  const methods = Object.getPrototypeOf(file) as typeof file
  let bytes = 0
  const count = (data: unknown, length: number | undefined): void => {
    bytes += length ?? Buffer.byteLength(data as string | Uint8Array)
  }
  const { write, writeFile: writeWhole } = methods
  const spies = [
    vi.spyOn(methods, 'write').mockImplementation(function (this: typeof file, ...args: never[]) {
      count(args[0], args[2])
      return Reflect.apply(write, this, args)
    } as never),
    vi.spyOn(methods, 'writeFile').mockImplementation(function (this: typeof file, ...args: never[]) {
      count(args[0], undefined)
      return Reflect.apply(writeWhole, this, args)
    } as never),
  ]
  try {
    await file.writeFile('four')
    await file.write('four')
    expect(bytes).toBe(8)
    await work()
  } finally {
    for (const spy of spies) spy.mockRestore()
    await file.close()
  }
  expect((await stat(path)).size).toBe(8)
  return bytes - 8
}

test('the bytes that are written for n images grow with n, and not with its square', async () => {
  const writing = (images: number) => async (): Promise<void> => {
    const writer = await FeatureWriter.open(await temporaryFolder(), source, { shardSize: 1 })
    for (let n = 0; n < images; n++) await writer.add(id(n), { features: featuresOf(n) })
    await writer.close()
  }
  const [few, many] = [await bytesWritten(writing(25)), await bytesWritten(writing(200))]
  expect(many / few).toBeLessThan(8.5)
  expect(many / few).toBeGreaterThan(7) // an index written anew for each shard makes it more than 15
})
