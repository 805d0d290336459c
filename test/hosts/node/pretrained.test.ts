import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readCard } from '../../../src/disk/card-file.ts'
import { PRETRAINED } from '../../../src/hosts/node/pretrained.ts'
import { Captioner } from '../../../src/index.ts'

const card = await readCard(PRETRAINED)
const page = await readFile(join(PRETRAINED, 'README.md'), 'utf8')

test('the files of the pretrained captioner have the checksums on its card, and at most 30 MB', async () => {
  for (const { path, bytes, sha256 } of card.files) {
    const content = await readFile(join(PRETRAINED, path))
    expect({ bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }, path).toEqual({
      bytes,
      sha256,
    })
    expect(page).toContain(sha256)
  }
  expect(card.files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(30e6)
})

test('its card has scores, terms and limitations', () => {
  const cider = card.scores.find(({ name }) => name === 'CIDEr')!
  expect(cider.score).toBeGreaterThan(0.48)
  expect(page).toContain(`| CIDEr | ${cider.score.toFixed(4)} | \`${cider.signature.replaceAll('|', '\\|')}\` |`)
  for (const part of ['research', '## Confidence', '## Limitations', `commit ${card.commit}`])
    expect(page).toContain(part)
})

const coco = fileURLToPath(new URL('../../../../shared/data/coco-mini/train2017', import.meta.url))

test.skipIf(!existsSync(coco))('it captions plain photographs correctly (needs ../shared)', async () => {
  const captioner = await Captioner.load()
  for (const [name, words] of [
    ['000000000790', /people.* table/],
    ['000000030752', /snow|ski/],
    ['000000084533', /motorcycle/],
    ['000000129648', /skateboard/],
    ['000000183872', /ski|snowboard/],
    ['000000211325', /water|wave/],
  ] as const) {
    const { caption, confidence } = await captioner.caption(join(coco, `${name}.jpg`))
    expect(caption, name).toMatch(words)
    expect(confidence).toBeGreaterThan(0.2)
  }
  await captioner.release()
})
