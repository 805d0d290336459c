import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const script = new URL('../../scripts/check-imports.mjs', import.meta.url).pathname
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function check(files: Record<string, string>): { status: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'imports-'))
  folders.push(folder)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' })
  return { status, said: stderr }
}

test('imports in the allowed direction pass', () => {
  const files = {
    'errors.ts': 'export class UserError extends Error {}',
    'graph/tensor.ts': "import { UserError } from '../errors.ts'",
    'models/mia.ts': "import type {\n  Tensor,\n} from '../graph/tensor.ts'",
    'runtime/node.ts': "import ort from 'onnxruntime-node'",
    'cli/commands/train.ts': "await import('../../models/mia.ts')",
  }
  expect(check(files)).toEqual({ status: 0, said: '' })
})

const violations: readonly [string, Record<string, string>, string][] = [
  ['upwards', { 'graph/a.ts': "import { x } from '../nn/b.ts'" }, 'graph/a.ts imports nn/b.ts: graph may import'],
  ['over several lines', { 'text/a.ts': "import {\n  x,\n} from '../graph/b.ts'" }, 'text/a.ts imports graph/b.ts'],
  ['as a re-export', { 'metrics/a.ts': "export { x } from '../models/b.ts'" }, 'metrics/a.ts imports models/b.ts'],
  ['when it is run', { 'data/a.ts': "  await import('../train/b.ts')" }, 'data/a.ts imports train/b.ts'],
  [
    'of the command line',
    { 'captioner.ts': "import { x } from './cli/output.ts'" },
    'captioner.ts imports cli/output.ts',
  ],
  ['from a new part', { 'web/a.ts': "import { x } from '../graph/b.ts'" }, 'web may import nothing'],
  [
    'of Node',
    { 'nn/a.ts': "import { join } from 'node:path'" },
    'nn/a.ts imports node:path: nn must run in a page too',
  ],
  ['of the engine', { 'runtime/a.ts': "import ort from 'onnxruntime-node'" }, 'runtime/node.ts alone may'],
  [
    'in a circle',
    { 'nn/a.ts': "import { b } from './b.ts'", 'nn/b.ts': "import { a } from './a.ts'" },
    'nn/a.ts imports nn/b.ts imports nn/a.ts: a circle',
  ],
]

test.each(violations)('a wrong import %s is refused and named', (_, files, said) => {
  const result = check(files)
  expect(result.said).toContain(said)
  expect(result.status).toBe(1)
})
