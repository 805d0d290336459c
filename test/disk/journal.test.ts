import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Journal, readJournal } from '../../src/disk/journal.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
  path = join(folder, 'log.jsonl')
})
afterEach(() => rm(folder, { recursive: true }))

/** A log with entries of these steps. */
async function logOf(steps: readonly number[]): Promise<void> {
  const journal = await Journal.open(path, 0)
  for (const step of steps) await journal.append({ kind: 'step', step })
  await journal.close()
}

describe('Journal', () => {
  test('writes one line of JSON for each entry, in the order they were given', async () => {
    const journal = await Journal.open(path, 0)
    await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append({ kind: 'step', step: i + 1, loss: i / 8 })))
    expect((await readFile(path, 'utf8')).split('\n')[2]).toBe('{"kind":"step","step":3,"loss":0.25}')
    await journal.close()
    expect((await readJournal(path)).map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })

  test('opened at a step drops the entries of later ones and goes on', async () => {
    await logOf([1, 2, 3, 4])
    const journal = await Journal.open(path, 2)
    await journal.append({ kind: 'step', step: 3, again: true })
    await journal.close()
    expect(await readJournal(path)).toEqual([
      { kind: 'step', step: 1 },
      { kind: 'step', step: 2 },
      { kind: 'step', step: 3, again: true },
    ])
  })

  test.each(['{"kind":"step","st', '{"kind":"step","step":3}'])(
    'drops a last line torn by a kill: %s',
    async (torn) => {
      await logOf([1, 2])
      await appendFile(path, torn) // no line feed: the write did not come to its end
      expect((await readJournal(path)).map(({ step }) => step)).toEqual([1, 2])
      const journal = await Journal.open(path, 9)
      await journal.append({ kind: 'step', step: 3 })
      await journal.close()
      expect((await readJournal(path)).map(({ step }) => step)).toEqual([1, 2, 3])
    },
  )

  test('names a line that is no entry, and leaves the log as it is', async () => {
    const text = '{"kind":"step","step":1}\nnot JSON\n{"kind":"step","step":2}\n'
    await writeFile(path, text)
    await expect(readJournal(path)).rejects.toThrow(`Cannot read log "${path}": line 2 is not an entry`)
    await expect(Journal.open(path, 1)).rejects.toThrow('line 2')
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('of a run that has not begun is empty', async () => {
    expect(await readJournal(path)).toEqual([])
  })
})
