import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/check-docs.mjs', import.meta.url))

function check(text: string): { status: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'))
  try {
    mkdirSync(join(folder, 'nn'))
    writeFileSync(join(folder, 'nn/a.ts'), text)
    const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' })
    return { status, said: stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const documented = `/** A layer. */
export class Layer {
  /** Applies it. */
  forward(): void {}
  #hidden(): void {}
}
/** A number. */
export const one = 1
const internal = 2
`

test('exports with doc comments pass; what is not exported needs none', () => {
  expect(check(documented)).toEqual({ status: 0, said: '' })
})

const mistakes: readonly [string, string, string][] = [
  ['a function', 'export function f(): void {}', 'a.ts:1: f has no doc comment'],
  ['a constant', '\nexport const one = 1', 'a.ts:2: one has no doc comment'],
  ['a type', 'export interface Sizes {}', 'Sizes has no doc comment'],
  ['an ordinary comment', '// one\nexport const one = 1', 'one has no doc comment'],
  [
    'a method',
    '/** A layer. */\nexport class Layer {\n  forward(): void {}\n}',
    'a.ts:3: Layer.forward has no doc comment',
  ],
  [
    'a long line of a comment',
    `/** ${'x'.repeat(120)} */\nexport const one = 1`,
    'a comment of 127 characters, more than 120',
  ],
]

test.each(mistakes)('%s without a proper comment is named with its place', (_, text, said) => {
  const result = check(text)
  expect(result.said).toContain(said)
  expect(result.status).toBe(1)
})
