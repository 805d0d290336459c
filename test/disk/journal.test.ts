import { appendFile, lstat, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Journal, readEpochs, readJournal } from '../../src/disk/journal.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
  path = join(folder, 'log.jsonl')
})
afterEach(() => rm(folder, { recursive: true }))

const START = { step: 0, epoch: 0 }
const epochEntry = (step: number, epoch: number, CIDEr = epoch / 10) => ({
  kind: 'epoch',
  step,
  epoch,
  scores: { CIDEr },
})

/** A log with entries of these steps. */
async function logOf(steps: readonly number[]): Promise<void> {
  const journal = await Journal.open(path, START)
  for (const step of steps) await journal.append({ kind: 'step', step })
  await journal.close()
}

describe('Journal', () => {
  test('writes one line of JSON for each entry, in the order they were given', async () => {
    const journal = await Journal.open(path, START)
    await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append({ kind: 'step', step: i + 1, loss: i / 8 })))
    expect((await readFile(path, 'utf8')).split('\n')[2]).toBe('{"kind":"step","step":3,"loss":0.25}')
    await journal.close()
    expect((await readJournal(path)).map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })

  test('opened at a step drops the entries of later ones', async () => {
    await logOf([1, 2, 3, 4])
    const journal = await Journal.open(path, { step: 2, epoch: 0 })
    await journal.append({ kind: 'step', step: 3, again: true })
    await journal.close()
    expect(await readJournal(path)).toEqual([
      { kind: 'step', step: 1 },
      { kind: 'step', step: 2 },
      { kind: 'step', step: 3, again: true },
    ])
  })

  test('drops the line of an epoch whose checkpoint a kill prevented: the epoch is validated again', async () => {
    const entries = [{ kind: 'step', step: 25 }, epochEntry(30, 1), { kind: 'step', step: 50 }, epochEntry(60, 2)]
    await writeFile(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    const journal = await Journal.open(path, { step: 60, epoch: 1 })
    await journal.append(epochEntry(60, 2))
    await journal.close()
    expect(await readJournal(path)).toEqual(entries)
    await (await Journal.open(path, { step: 60, epoch: 2 })).close()
    expect(await readJournal(path)).toEqual(entries)
  })

  test('replaces a symbolic link by a file, and leaves its target as it is', async () => {
    const target = join(folder, 'target')
    await writeFile(target, '{"kind":"step","step":1}\n')
    await symlink('target', path)
    const journal = await Journal.open(path, { step: 1, epoch: 0 })
    await journal.append({ kind: 'step', step: 2 })
    await journal.close()
    expect(await readFile(target, 'utf8')).toBe('{"kind":"step","step":1}\n')
    expect((await lstat(path)).isSymbolicLink()).toBe(false)
    expect((await readJournal(path)).map(({ step }) => step)).toEqual([1, 2])
  })

  test.each(['{"kind":"step","st', '{"kind":"step","step":3}'])(
    'drops a last line torn by a kill: %s',
    async (torn) => {
      await logOf([1, 2])
      await appendFile(path, torn) // no line feed: the write did not come to its end
      expect((await readJournal(path)).map(({ step }) => step)).toEqual([1, 2])
      const journal = await Journal.open(path, { step: 9, epoch: 0 })
      await journal.append({ kind: 'step', step: 3 })
      await journal.close()
      expect((await readJournal(path)).map(({ step }) => step)).toEqual([1, 2, 3])
    },
  )

  test.each([
    'not JSON',
    '{"kind":"step"}',
    '{"kind":"epoch","step":1,"epoch":{"toString":"x"}}',
    `{"kind":"epoch","step":1,"epoch":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  ])('names a line that is no entry, and leaves the log as it is: %.60s', async (line) => {
    const text = `{"kind":"step","step":1}\n${line}\n{"kind":"step","step":2}\n`
    await writeFile(path, text)
    await expect(readJournal(path)).rejects.toThrow(`Cannot read log "${path}": line 2 is not an entry`)
    await expect(Journal.open(path, { step: 1, epoch: 0 })).rejects.toThrow('line 2')
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('of a run that has not begun is empty', async () => {
    expect(await readJournal(path)).toEqual([])
  })
})

test('readEpochs() returns each epoch once, in order, and passes over odd lines', async () => {
  const lines = [
    epochEntry(10, 1),
    { kind: 'epoch', step: 1 },
    'not JSON',
    null,
    { kind: 'step', step: 15 },
    epochEntry(20, 2, 0.3),
    { kind: 'epoch', step: 30, epoch: 3, scores: { CIDEr: null } },
    epochEntry(20, 2, 0.4),
  ]
  await writeFile(path, `${lines.map((line) => (line === 'not JSON' ? line : JSON.stringify(line))).join('\n')}\n`)
  expect(await readEpochs(path)).toEqual([
    { epoch: 1, scores: { CIDEr: 0.1 }, best: false },
    { epoch: 2, scores: { CIDEr: 0.4 }, best: false },
  ])
  expect(await readEpochs(join(folder, 'none'))).toEqual([])
})
