import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInput } from '../../src/data/input.ts'
import { folderOf } from './folder.ts'

test('readInput() refuses a file longer than a string can be, without reading it', async () => {
  const path = join(folderOf({ 'huge.json': '' }), 'huge.json')
  truncateSync(path, 3_000_000_000) // sparse: takes no space
  await expect(readInput(path)).rejects.toThrow(
    /huge.json": it has 3000000000 bytes and at most \d+ can be read; split it/,
  )
})

test('readInput() refuses text that is not UTF-8 instead of reading other letters', async () => {
  const path = join(folderOf({ 'latin1.txt': '' }), 'latin1.txt')
  writeFileSync(path, Buffer.from([0x63, 0x61, 0x66, 0xe9]))
  await expect(readInput(path)).rejects.toThrow('latin1.txt": it is not UTF-8 text')
})

test('readInput() refuses a folder', async () => {
  await expect(readInput(folderOf({}))).rejects.toThrow('EISDIR')
})
