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

test('readCard() reads format mia-card/1, which called the confidence "sureness"', async () => {
  const { confidence, ...rest } = JSON.parse(await readFile(cardFile(PRETRAINED), 'utf8'))
  await writeFile(cardFile(folder), JSON.stringify({ ...rest, format: 'mia-card/1', sureness: confidence }))
  expect(await readCard(folder)).toEqual(await readCard(PRETRAINED))
})

test('readCard() names the field that is missing and what to do', async () => {
  const { confidence: _, ...rest } = JSON.parse(await readFile(cardFile(PRETRAINED), 'utf8'))
  await writeFile(cardFile(folder), JSON.stringify(rest))
  await expect(readCard(folder)).rejects.toThrow('confidence is missing; make it again with "mia card"')
})
