import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { cardPage } from '../../src/cli/card-page.ts'
import { readCard } from '../../src/disk/card-file.ts'
import { readRunConfig } from '../../src/disk/run.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'

const limitsFile = fileURLToPath(new URL('../../docs/pretrained-limits.md', import.meta.url))

test('cardPage() of the pretrained captioner is its README.md', async () => {
  const [card, config] = [await readCard(PRETRAINED), await readRunConfig(PRETRAINED)]
  const page = cardPage({ card, config, limits: await readFile(limitsFile, 'utf8') })
  expect(page).toBe(await readFile(join(PRETRAINED, 'README.md'), 'utf8'))
})
