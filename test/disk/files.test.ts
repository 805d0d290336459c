import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeErrno, throwFileError } from '../../src/disk/errno.ts'
import {
  checkWritable,
  readBytes,
  readJson,
  readLines,
  readText,
  readTextIfPresent,
  writeFileAtomic,
} from '../../src/disk/files.ts'
import { Lock } from '../../src/disk/lock.ts'
import { UserError } from '../../src/errors.ts'
import { killed, startScript } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

async function linesOf(path: string, maxLine?: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(path, 'list', maxLine === undefined ? {} : { maxLine })) lines.push(line)
  return lines
}

describe('writeFileAtomic()', () => {
  test('makes the folder, writes the parts one after the other, and leaves nothing else', async () => {
    const folder = join(await temporaryFolder(), 'a', 'b')
    await writeFileAtomic(join(folder, 'file'), [Uint8Array.of(1, 2), Uint8Array.of(3)])
    expect([...(await readFile(join(folder, 'file')))]).toEqual([1, 2, 3])
    expect(await readdir(folder)).toEqual(['file'])
  })

  test('writes text that is made piece by piece, and keeps the old file if making it fails', async () => {
    const path = join(await temporaryFolder(), 'page.html')
    async function* pieces(fails: boolean) {
      yield 'é'
      yield ''
      if (fails) throw new UserError('no more')
      yield 'b'
    }
    await writeFileAtomic(path, pieces(false))
    expect(await readFile(path, 'utf8')).toBe('éb')
    await expect(writeFileAtomic(path, pieces(true))).rejects.toThrow('no more')
    expect(await readFile(path, 'utf8')).toBe('éb')
    expect(await readdir(join(path, '..'))).toEqual(['page.html'])
  })

  test('replaces a symbolic link and leaves its target as it is', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'target'), 'mine')
    await symlink('target', join(folder, 'link'))
    await writeFileAtomic(join(folder, 'link'), 'yours')
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('mine')
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(false)
  })

  test('says in words why it cannot write, and leaves no part behind', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'full', 'inner'), { recursive: true })
    await writeFile(join(folder, 'file'), '')
    const cases = [
      [join(folder, 'full'), 'it is a folder'],
      [join(folder, 'file', 'x'), 'a part of its path is a file, not a folder'],
      [join(folder, 'x'.repeat(300)), 'its name is too long'],
      [join(folder, 'a\0b'), 'its name is not a file name'],
    ] as const
    for (const [path, why] of cases) {
      await expect(writeFileAtomic(path, 'x')).rejects.toThrow(UserError)
      await expect(writeFileAtomic(path, 'x')).rejects.toThrow(why)
    }
    expect((await readdir(folder)).sort()).toEqual(['file', 'full'])
    await expect(checkWritable(join(folder, 'full'))).rejects.toThrow('it is a folder')
  })
})

describe('a file that is half-written', () => {
  const parts = async (folder: string): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith('.part'))

  test('is removed by the next that writes or locks there once its process was killed, and not before', async () => {
    const base = await temporaryFolder()
    const [written, locked] = [join(base, 'written'), join(base, 'locked')]
    for (const folder of [written, locked]) await mkdir(folder)
    const child = startScript(new URL('part-child.ts', import.meta.url), [written, locked])
    await once(child, 'message')
    const lock = await Lock.take(join(locked, 'lock.json'), 'x')
    await lock.release()
    expect(await parts(locked)).toEqual([expect.stringContaining(`.${child.pid}-`)])
    await killed(child)
    await writeFileAtomic(join(written, 'other.json'), '{}')
    expect(await readdir(written)).toEqual(['other.json'])
    await (await Lock.take(join(locked, 'lock.json'), 'x')).release()
    expect(await readdir(locked)).toEqual([])
  })

  test('of another machine is kept for a day', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'weights.safetensors.1-00000000ffffffff.part')
    await writeFile(path, '')
    const take = async () => (await Lock.take(join(folder, 'lock.json'), 'x')).release()
    await take()
    expect(await parts(folder)).toHaveLength(1)
    const dayBefore = Date.now() / 1000 - 25 * 3600
    await utimes(path, dayBefore, dayBefore)
    await writeFile(join(folder, 'film.part'), 'not ours')
    await take()
    expect(await readdir(folder)).toEqual(['film.part'])
  })
})

describe('what is no regular file is refused, not read for ever:', () => {
  const reads = [
    ['readBytes', (path: string) => readBytes(path, 'list')],
    ['readText', (path: string) => readText(path, 'list')],
    ['readJson', (path: string) => readJson(path, 'list')],
    ['readLines', (path: string) => linesOf(path)],
  ] as const
  test.each(reads)('%s()', async (_, read) => {
    const folder = await temporaryFolder()
    await expect(read(folder)).rejects.toThrow(`Cannot read list "${folder}": it is a folder, not a file`)
    await expect(read(join(folder, 'none'))).rejects.toThrow(UserError)
    await expect(read(join(folder, 'none'))).rejects.toThrow('there is no such file')
    if (process.platform === 'win32') return
    await expect(read('/dev/zero')).rejects.toThrow(
      'Cannot read list "/dev/zero": it is a pipe or a device, not a file',
    )
    execFileSync('mkfifo', [join(folder, 'pipe')])
    await expect(read(join(folder, 'pipe'))).rejects.toThrow('it is a pipe or a device')
    await symlink('loop', join(folder, 'loop'))
    await expect(read(join(folder, 'loop'))).rejects.toThrow('its symbolic links form a loop')
  })
})

describe('the size of what is read is limited:', () => {
  test('a whole file to 1 GiB, or as the caller says', async () => {
    const path = join(await temporaryFolder(), 'big')
    await writeFile(path, 'text')
    await truncate(path, 2 ** 30 + 1)
    await expect(readJson(path, 'list')).rejects.toThrow('it has 1073741825 bytes; the limit is 1073741824')
    await truncate(path, 4)
    expect(await readText(path, 'list', { maxBytes: 4 })).toBe('text')
    await expect(readText(path, 'list', { maxBytes: 3 })).rejects.toThrow('it has 4 bytes; the limit is 3')
  })

  test('a line', async () => {
    const path = join(await temporaryFolder(), 'lines')
    await writeFile(path, `one\n\n${'x'.repeat(3 << 20)}\nlast`)
    expect((await linesOf(path)).map(({ length }) => length)).toEqual([3, 0, 3 << 20, 4])
    await expect(linesOf(path, 2 << 20)).rejects.toThrow('it has a line of more than 2097152 characters')
  })
})

test('readLines() stopped in the middle closes its file', async () => {
  const path = join(await temporaryFolder(), 'lines')
  await writeFile(path, 'one\ntwo\nthree'.repeat(1 << 18))
  const open = async () => (await readdir('/proc/self/fd').catch(() => [])).length
  const before = await open()
  for (let i = 0; i < 20; i++) for await (const line of readLines(path, 'list')) if (line === 'two') break
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await open()).toBeLessThan(before + 10)
})

test('readTextIfPresent() returns undefined for a missing file only', async () => {
  const folder = await temporaryFolder()
  expect(await readTextIfPresent(join(folder, 'none'), 'log')).toBeUndefined()
  await expect(readTextIfPresent(folder, 'log')).rejects.toThrow('it is a folder')
})

test('throwFileError() makes a UserError of system errors alone', async () => {
  const system = await readlink('/nowhere').catch((error) => error)
  expect(() => throwFileError('read', '/nowhere', system)).toThrow(
    new UserError('Cannot read "/nowhere": there is no such file'),
  )
  expect(describeErrno({ code: 'EWEIRD' })).toBe('the system reports EWEIRD')
  const mistake = await rename(7 as never, 'x').catch((error) => error)
  expect(() => throwFileError('read', 'x', mistake)).toThrow(TypeError)
  expect(describeErrno(undefined)).toBeUndefined()
})
