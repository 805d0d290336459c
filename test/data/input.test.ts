import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInput } from '../../src/data/input.ts'
import { folderOf } from './folder.ts'

test('readInput() refuses a file longer than the longest string, without reading it', async () => {
  const path = join(folderOf({ 'huge.json': '' }), 'huge.json')
  truncateSync(path, 3_000_000_000) // sparse: takes no space
  await expect(readInput(path)).rejects.toThrow(
    /^Cannot read dataset file ".*huge.json": it has 3000000000 bytes; the limit is \d+$/,
  )
})

test('readInput() refuses text that is not UTF-8', async () => {
  const path = join(folderOf({ 'latin1.txt': '' }), 'latin1.txt')
  writeFileSync(path, Buffer.from([0x63, 0x61, 0x66, 0xe9]))
  await expect(readInput(path)).rejects.toThrow('latin1.txt": it is not UTF-8 (byte 0xe9 in line 1); convert it')
})

test('readInput() refuses a folder and a missing file', async () => {
  const folder = folderOf({})
  await expect(readInput(folder)).rejects.toThrow(`Cannot read dataset file "${folder}": it is a folder`)
  await expect(readInput(join(folder, 'none'))).rejects.toThrow(/none": there is no such file$/)
})

test.skipIf(process.platform === 'win32')('readInput() refuses a pipe instead of waiting for a writer', async () => {
  const path = join(folderOf({}), 'captions.tsv')
  execFileSync('mkfifo', [path])
  await expect(readInput(path)).rejects.toThrow('captions.tsv": it is a pipe or a device')
})
