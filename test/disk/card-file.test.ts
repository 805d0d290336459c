import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cardFile, formatCard, readCard } from '../../src/disk/card-file.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-card-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('readCard() reads what formatCard() wrote', async () => {
  const card = await readCard(PRETRAINED)
  await writeFile(cardFile(folder), formatCard(card))
  expect(await readCard(folder)).toEqual(card)
})

test.each(['mia-card/1', 'mia-card/2'])(
  'readCard() reads format %s without its confidence, which was not calibrated',
  async (format) => {
    const { confidence: _, ...rest } = await readCard(PRETRAINED)
    const earlier = [{ from: 0.1, to: 0.4, cider: 0.5 }]
    const field = format === 'mia-card/1' ? { sureness: earlier } : { confidence: earlier }
    await writeFile(cardFile(folder), JSON.stringify({ ...rest, ...field, format }))
    expect(await readCard(folder)).toEqual(rest)
  },
)

test('readCard() names the field that is missing and what to do', async () => {
  const { terms: _, ...rest } = JSON.parse(await readFile(cardFile(PRETRAINED), 'utf8'))
  await writeFile(cardFile(folder), JSON.stringify(rest))
  await expect(readCard(folder)).rejects.toThrow('terms is missing; make it again with "mia card"')
})
