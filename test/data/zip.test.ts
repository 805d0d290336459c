import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { unpackZip } from '../../src/data/zip.ts'
import { crc32ByTable } from '../../src/disk/crc32.ts'
import { UserError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/folder.ts'
import { noise } from './http-server.ts'
import { writeZip, zipBytes } from './zip-file.ts'

const text = (value: string) => strToU8(value)

/** The path of an archive with `bytes`, and a folder to unpack it into. */
async function archiveOf(bytes: Uint8Array) {
  const root = await temporaryFolder()
  const path = join(root, 'a.zip')
  await writeFile(path, bytes)
  return { root, path, folder: join(root, 'out') }
}

test('unpackZip() writes the wanted files of a compressed archive, and counts them', async () => {
  const images = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`train2017/${i}.jpg`, noise(1000 + i)]))
  const { path, folder } = await archiveOf(
    zipSync({ ...images, 'train2017/notes.txt': text('notes'), 'empty/': text('') }),
  )
  const progress: number[][] = []
  const done = await unpackZip({
    path,
    folder,
    wanted: (name) => name.endsWith('.jpg'),
    onProgress: (...counts) => progress.push(counts),
  })
  expect(done.kept).toBe(0)
  expect(done.files).toHaveLength(40)
  expect((await readdir(join(folder, 'train2017'))).sort()).toEqual(
    Object.keys(images)
      .map((name) => name.slice(10))
      .sort(),
  )
  for (const [name, content] of Object.entries(images))
    expect(content.equals(await readFile(join(folder, name))), name).toBe(true)
  expect([progress[0], progress.at(-1)]).toEqual([
    [0, 40],
    [40, 40],
  ])
})

test('unpackZip() keeps files of the right size, and replaces others', async () => {
  const { path, folder } = await archiveOf(zipSync({ 'a.txt': text('first'), 'b.txt': text('second') }))
  await mkdir(folder)
  await writeFile(join(folder, 'a.txt'), 'FIRST')
  await writeFile(join(folder, 'b.txt'), 'sec')
  expect(await unpackZip({ path, folder })).toEqual({ files: ['a.txt', 'b.txt'], kept: 1 })
  expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('FIRST')
  expect(await readFile(join(folder, 'b.txt'), 'utf8')).toBe('second')
})

test('unpackZip() stops when it is aborted, leaves no .part file, and resumes', async () => {
  const images = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.jpg`, noise(2000)]))
  const { path, folder } = await archiveOf(zipSync(images))
  const stop = new AbortController()
  const onProgress = (done: number) => done === 20 && stop.abort()
  await expect(unpackZip({ path, folder, signal: stop.signal, onProgress })).rejects.toThrow(/abort/)
  const left = await readdir(folder)
  expect(left.filter((name) => name.endsWith('.part'))).toEqual([])
  expect(left.length).toBeLessThan(60)
  const { kept } = await unpackZip({ path, folder })
  expect(kept).toBe(left.length)
  expect(await readdir(folder)).toHaveLength(60)
})

test('unpackZip() reads Zip64 archives', async () => {
  const entries = [
    { name: 'train2017/1.jpg', content: noise(5000) },
    { name: 'train2017/2.jpg', content: noise(70_000) },
  ]
  const { path, folder } = await archiveOf(zipBytes(entries, { zip64: true }))
  expect((await unpackZip({ path, folder })).files).toEqual(['train2017/1.jpg', 'train2017/2.jpg'])
  expect(entries[1]!.content.equals(await readFile(join(folder, 'train2017/2.jpg')))).toBe(true)
})

test('unpackZip() reads entries beyond 4 GiB where they are', async () => {
  const root = await temporaryFolder()
  const path = join(root, 'large.zip')
  const content = noise(9000)
  await writeZip(path, [{ name: 'far.jpg', content }], { zip64: true, start: 5 * 2 ** 30 })
  expect((await stat(path)).size).toBeGreaterThan(2 ** 32)
  await unpackZip({ path, folder: join(root, 'out') })
  expect(content.equals(await readFile(join(root, 'out/far.jpg')))).toBe(true)
})

test.each(['../out.jpg', 'a/../../out.jpg', '/etc/out.jpg', 'C:/out.jpg', '..\\out.jpg'])(
  'unpackZip() refuses the name %j before it writes anything',
  async (name) => {
    const entries = [
      { name: 'fine.jpg', content: noise(10) },
      { name, content: noise(10) },
    ]
    const { root, path, folder } = await archiveOf(zipBytes(entries))
    const unpacking = unpackZip({ path, folder })
    await expect(unpacking).rejects.toThrow(UserError)
    await expect(unpacking).rejects.toThrow(/a\.zip": its entry ".*out\.jpg" would be outside of the folder$/)
    expect(await readdir(root)).toEqual(['a.zip'])
  },
)

test('unpackZip() refuses symbolic links', async () => {
  const link = { name: 'link', content: text('/etc'), mode: 0o120777 }
  const { path, folder } = await archiveOf(zipBytes([link]))
  await expect(unpackZip({ path, folder })).rejects.toThrow(/its entry "link" is a symbolic link$/)
})

test('unpackZip() finds wrong bytes by their checksum', async () => {
  const { path, folder } = await archiveOf(zipBytes([{ name: 'a.jpg', content: noise(1000), crc32: 1 }]))
  await expect(unpackZip({ path, folder })).rejects.toThrow(
    /the checksum of its entry "a\.jpg" is wrong; the archive is/,
  )
  expect(existsSync(join(folder, 'a.jpg'))).toBe(false)
  expect(await readdir(folder)).toEqual([])
})

test.each([
  ['text', text('not a zip archive'), /it is not a zip archive, or damaged \(/],
  [
    'cut short',
    zipBytes([{ name: 'a.jpg', content: noise(1000) }]).subarray(0, 900),
    /it is not a zip archive, or damaged/,
  ],
  ['whose sizes are wrong', wrongSize(), /it is not a zip archive, or damaged \(/],
  [
    'whose entry reaches beyond its end',
    beyondTheEnd(),
    /^Cannot read archive ".*": it ends at byte \d+, before its data/,
  ],
  [
    'that claims more than the disk has',
    zipBytes64Claim(),
    /its files take 9,000,000,000,000,000 bytes, and ".*" has space/,
  ],
])('unpackZip() refuses a file %s', async (_, bytes, message) => {
  const { path, folder } = await archiveOf(bytes)
  const unpacking = unpackZip({ path, folder })
  await expect(unpacking).rejects.toThrow(UserError)
  await expect(unpacking).rejects.toThrow(message)
})

/** An archive whose directory says that its entry begins near the end. */
function beyondTheEnd(): Uint8Array {
  const bytes = Buffer.from(zipSync({ 'a.txt': text('a'.repeat(1000)) }))
  bytes.writeUInt32LE(bytes.length - 10, bytes.indexOf('PK\x01\x02') + 42)
  return bytes
}

/** A compressed archive whose directory says that the file has 20 bytes. */
function wrongSize(): Uint8Array {
  const bytes = Buffer.from(zipSync({ 'a.txt': text('a'.repeat(1000)) }))
  bytes.writeUInt32LE(20, bytes.indexOf('PK\x01\x02') + 24)
  return bytes
}

/** A Zip64 archive whose directory says that its file has 9 petabytes when it is unpacked. */
function zipBytes64Claim(): Uint8Array {
  const bytes = zipBytes([{ name: 'a.jpg', content: noise(10) }], { zip64: true })
  const central = bytes.indexOf('PK\x01\x02')
  bytes.writeUInt16LE(8, central + 10) // compressed: the sizes may differ
  bytes.writeBigUInt64LE(9_000_000_000_000_000n, central + 46 + 5 + 4)
  return bytes
}

test('unpackZip() refuses a missing archive and a folder', async () => {
  const { root, path } = await archiveOf(text(''))
  await expect(unpackZip({ path: join(root, 'b.zip'), folder: root })).rejects.toThrow(
    /b\.zip": there is no such file$/,
  )
  await expect(unpackZip({ path: root, folder: join(path, 'x') })).rejects.toThrow(/it is a folder, not a file$/)
})

test('crc32ByTable() agrees with zlib', () => {
  const bytes = noise(1000)
  expect(crc32ByTable(bytes, 0)).toBe(crc32(bytes))
  expect(crc32ByTable(bytes.subarray(400), crc32ByTable(bytes.subarray(0, 400), 0))).toBe(crc32(bytes))
})
