import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { readCoco } from '../../src/data/coco.ts'
import {
  type Archive,
  cocoArchives,
  type DownloadArchivesOptions,
  downloadArchives,
  freeSpace,
  planArchives,
  spaceNeeded,
} from '../../src/data/coco-archives.ts'
import { mia } from '../cli/mia.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Answer, noise, sendFile, serve, sha256 } from './http-server.ts'
import { zipBytes } from './zip-file.ts'

const captions = (ids: readonly number[]): Uint8Array =>
  strToU8(
    JSON.stringify({
      images: ids.map((id) => ({ id, file_name: `${String(id).padStart(12, '0')}.jpg` })),
      annotations: ids.map((id) => ({ id, image_id: id, caption: `A dog number ${id}.` })),
    }),
  )
const pictures = (folder: string, ids: readonly number[]) =>
  ids.map((id) => ({ name: `${folder}/${String(id).padStart(12, '0')}.jpg`, content: noise(3000 + id) }))

/** Archives with the layout of COCO's, the images in Zip64. */
const contents: Readonly<Record<string, Uint8Array>> = {
  'annotations_trainval2017.zip': zipSync({
    'annotations/captions_train2017.json': captions([1, 2, 3]),
    'annotations/captions_val2017.json': captions([9]),
    'annotations/instances_val2017.json': strToU8('{}'),
  }),
  'train2017.zip': zipBytes(pictures('train2017', [1, 2, 3]), { zip64: true }),
  'val2017.zip': zipBytes(pictures('val2017', [9]), { zip64: true }),
}

const send =
  (name: string): Answer =>
  (response, request) =>
    sendFile(contents[name]!, response, request)

/** A server with the archives, a table of them, and options to download them into a new folder. */
async function world(answers: Readonly<Record<string, Answer>> = {}) {
  const server = await serve({
    ...Object.fromEntries(Object.keys(contents).map((name) => [`/${name}`, send(name)])),
    ...answers,
  })
  const archives: Archive[] = Object.entries(contents).map(([name, bytes]) => ({
    name,
    url: `${server.url}/${name}`,
    bytes: bytes.length,
    sha256: sha256(bytes),
    unpackedBytes: bytes.length,
    wanted: (path) => path.endsWith('.jpg') || /captions_/.test(path),
  }))
  const root = await temporaryFolder()
  const out = join(root, 'coco')
  const options: DownloadArchivesOptions = { archives, out, pauseMs: 1, stallMs: 5000 }
  return { ...server, archives, root, out, options }
}

test('downloadArchives() makes a folder that prepare reads, and removes the archives', async () => {
  const { options, out, requests } = await world()
  const downloaded: number[][] = []
  const unpacked: string[] = []
  await downloadArchives({
    ...options,
    onDownload: (...counts) => downloaded.push(counts),
    onUnpack:
      ({ name }) =>
      (done, total) =>
        unpacked.push(`${name} ${done}/${total}`),
  })
  expect(requests).toHaveLength(3)
  const total = Object.values(contents).reduce((sum, { length }) => sum + length, 0)
  expect(downloaded.at(-1)).toEqual([total, total])
  expect(unpacked).toContain('train2017.zip 3/3')
  expect((await readdir(out)).sort()).toEqual(['annotations', 'downloads', 'train2017', 'val2017'])
  expect(await readdir(join(out, 'annotations'))).toEqual(['captions_train2017.json', 'captions_val2017.json'])
  expect((await readdir(join(out, 'downloads'))).filter((name) => !name.endsWith('.unpacked.json'))).toEqual([])
  const { images, problems } = await readCoco({ root: out })
  expect(images.map(({ split }) => split)).toEqual(['train', 'train', 'train', 'val'])
  expect(problems).toEqual([])
  for (const { file } of images) expect(existsSync(join(out, file)), file).toBe(true)
})

test('downloadArchives() does nothing the second time, and repairs a folder that lost files', async () => {
  const { options, out, requests } = await world()
  await downloadArchives(options)
  await downloadArchives(options)
  expect(requests).toHaveLength(3)
  await rm(join(out, 'val2017/000000000009.jpg'))
  expect((await planArchives(options)).map(({ state }) => state)).toEqual(['unpacked', 'unpacked', 'download'])
  await downloadArchives(options)
  expect(requests.slice(3).map(({ path }) => path)).toEqual(['/val2017.zip'])
  expect(existsSync(join(out, 'val2017/000000000009.jpg'))).toBe(true)
})

test('downloadArchives() resumes after an abort, at the byte where it was', async () => {
  const bytes = contents['train2017.zip']!
  const { options, out, requests } = await world({
    '/train2017.zip': (response, request, n) => {
      if (n > 0) return sendFile(bytes, response, request)
      response.writeHead(200, { 'content-length': bytes.length, etag: '"v1"' })
      response.write(bytes.subarray(0, 4000)) // and then nothing more
    },
  })
  const stop = new AbortController()
  const others = ['annotations_trainval2017.zip', 'val2017.zip'].reduce((sum, name) => sum + contents[name]!.length, 0)
  const stopped = downloadArchives({
    ...options,
    signal: stop.signal,
    onDownload: (done) => done >= others + 4000 && setTimeout(() => stop.abort(), 50),
  })
  await expect(stopped).rejects.toThrow(/abort/)
  expect(existsSync(join(out, 'train2017'))).toBe(false)
  const [, train] = await planArchives(options)
  expect(train).toMatchObject({ state: 'download', had: 4000 })
  await downloadArchives(options)
  expect(requests.at(-1)).toEqual({ path: '/train2017.zip', range: 'bytes=4000-', ifRange: '"v1"' })
  expect(await readdir(join(out, 'train2017'))).toHaveLength(3)
})

test('downloadArchives() ends with the first archive that fails, and keeps what the others have', async () => {
  const { options, out } = await world({
    '/val2017.zip': (response) => setTimeout(() => response.writeHead(404).end(), 100),
    '/train2017.zip': (response) => {
      response.writeHead(200, { 'content-length': contents['train2017.zip']!.length, etag: '"v1"' })
      response.write(contents['train2017.zip']!.subarray(0, 4000))
    },
  })
  await expect(downloadArchives(options)).rejects.toThrow(/val2017\.zip": the server answered 404 Not Found; check the/)
  expect((await planArchives(options)).map(({ had }) => had)).toEqual([
    contents['annotations_trainval2017.zip']!.length,
    4000,
    0,
  ])
  expect(existsSync(join(out, 'annotations'))).toBe(false)
})

test('downloadArchives() uses archives of another folder where they are, and downloads the others', async () => {
  const { options, root, requests, out } = await world()
  const from = join(root, 'archives')
  await mkdir(from)
  await writeFile(join(from, 'train2017.zip'), contents['train2017.zip']!)
  await downloadArchives({ ...options, from })
  expect(requests.map(({ path }) => path).sort()).toEqual(['/annotations_trainval2017.zip', '/val2017.zip'])
  expect(await readdir(from)).toEqual(['train2017.zip'])
  expect(await readdir(join(out, 'train2017'))).toHaveLength(3)
})

test('downloadArchives() refuses an archive of another size, a damaged one, and a missing folder', async () => {
  const { options, root } = await world()
  const from = join(root, 'archives')
  await expect(downloadArchives({ ...options, from })).rejects.toThrow(
    /^Cannot read archives in ".*archives": there is no such/,
  )
  await mkdir(from)
  await writeFile(join(from, 'val2017.zip'), 'half')
  await expect(downloadArchives({ ...options, from })).rejects.toThrow(
    /^Cannot use ".*val2017\.zip": it has 4 bytes and the published archive 3,\d\d\d; download it again$/,
  )
  const damaged = Buffer.from(contents['val2017.zip']!)
  damaged[1000]! ^= 1
  await writeFile(join(from, 'val2017.zip'), damaged)
  await expect(downloadArchives({ ...options, from })).rejects.toThrow(/the archive is damaged$/)
})

test('downloadArchives() checks the space on the disk before the first request', async () => {
  const { options, archives, requests } = await world()
  const large = archives.map((archive) => ({ ...archive, bytes: 9e15 }))
  await expect(downloadArchives({ ...options, archives: large })).rejects.toThrow(
    /^Cannot download into ".*coco": [\d,]+ MB are needed and [\d,]+ MB are free; free some space/,
  )
  expect(requests).toEqual([])
})

test('downloadArchives() keeps archives where that is asked for', async () => {
  const { options, out } = await world()
  await downloadArchives({ ...options, keepArchives: true })
  expect(await readFile(join(out, 'downloads/val2017.zip'))).toEqual(Buffer.from(contents['val2017.zip']!))
})

test('spaceNeeded() counts what is there, and archives that are removed as they are unpacked', async () => {
  const archive = (bytes: number, unpackedBytes: number) => ({ bytes, unpackedBytes }) as Archive
  const plan = [
    { archive: archive(100, 120), state: 'download', path: '', had: 30 } as const,
    { archive: archive(10, 50), state: 'given', path: '', had: 10 } as const,
    { archive: archive(1000, 1000), state: 'unpacked', path: '', had: 0 } as const,
  ]
  expect(spaceNeeded(plan)).toBe(190) // 70 to download + 120 unpacked; then 90 + 50
  expect(spaceNeeded(plan, { keepArchives: true })).toBe(240)
  expect(await freeSpace(join(await temporaryFolder(), 'not/there/yet'))).toBeGreaterThan(0)
})

test('cocoArchives() lists both releases with their published sizes and checksums', () => {
  for (const year of [2014, 2017] as const) {
    const archives = cocoArchives({ year, karpathy: true })
    expect(archives.map(({ name }) => name)).toEqual([
      `annotations_trainval${year}.zip`,
      `val${year}.zip`,
      `train${year}.zip`,
      'caption_datasets.zip',
    ])
    for (const { url, name, sha256, bytes } of archives) {
      expect(new URL(url).pathname.endsWith(`/${name}`)).toBe(true)
      expect(sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(bytes).toBeGreaterThan(1e7)
    }
  }
  const [annotations, , train, karpathy] = cocoArchives({ year: 2017, karpathy: true })
  expect(annotations!.wanted('annotations/captions_val2017.json')).toBe(true)
  expect(annotations!.wanted('annotations/instances_val2017.json')).toBe(false)
  expect(train!.wanted('train2017/000000000009.jpg')).toBe(true)
  expect(karpathy!.wanted('dataset_coco.json')).toBe(true)
  expect(karpathy!.wanted('dataset_flickr8k.json')).toBe(false)
})

test('mia data coco --dry-run lists addresses and sizes, and writes nothing', async () => {
  const out = join(await temporaryFolder(), 'coco')
  const { stdout, status } = await mia(['data', 'coco', '--out', out, '--karpathy', '--dry-run'])
  expect(status).toBe(0)
  expect(stdout).toContain(
    'train2014.zip                 13,510,573,713  download  http://images.cocodataset.org/zips/',
  )
  expect(stdout).toContain(
    'caption_datasets.zip              36,745,453  download  https://cs.stanford.edu/people/karpathy/',
  )
  expect(stdout).toMatch(/33,803 MB needed in .*coco, [\d,]+ MB free/)
  expect(existsSync(out)).toBe(false)
  const { stdout: json } = await mia(['data', 'coco', '--out', out, '--year', '2017', '--dry-run', '--json'])
  expect(JSON.parse(json)).toMatchObject({
    year: 2017,
    archives: [{}, { name: 'val2017.zip', bytes: 815_585_330 }, {}],
  })
})
