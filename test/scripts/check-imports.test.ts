import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/check-imports.mjs', import.meta.url))
const src = fileURLToPath(new URL('../../src', import.meta.url))
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
    'graph/index.ts': "import { UserError } from '../errors.ts'",
    'models/mia.ts': "import type {\n  Tensor,\n} from '../graph/index.ts'",
    'disk/files.ts': "import { readFile } from 'node:fs/promises'",
    'hosts/node/runtime.ts': "import koffi from 'koffi'\nrequire.resolve('onnxruntime-node')",
    'cli/commands/train.ts': "await import('../../models/mia.ts')\nawait import('../../hosts/node/runtime.ts')",
  }
  expect(check(files)).toEqual({ status: 0, said: '' })
})

const violations: readonly [string, Record<string, string>, string][] = [
  ['upwards', { 'graph/a.ts': "import { x } from '../nn/b.ts'" }, 'graph/a.ts imports nn/b.ts: graph may import'],
  ['over several lines', { 'text/a.ts': "import {\n  x,\n} from '../graph/b.ts'" }, 'text/a.ts imports graph/b.ts'],
  ['as a re-export', { 'metrics/a.ts': "export { x } from '../models/b.ts'" }, 'metrics/a.ts imports models/b.ts'],
  ['when it runs', { 'data/a.ts': "  await import('../train/b.ts')" }, 'data/a.ts imports train/b.ts'],
  ['of a type', { 'caption/a.ts': "type X = import('../disk/b.ts').X" }, 'caption/a.ts imports disk/b.ts'],
  ['of a host', { 'train/a.ts': "import { x } from '../hosts/node/b.ts'" }, 'train/a.ts imports hosts/node/b.ts'],
  ['of the command line', { 'index.ts': "import { x } from './cli/output.ts'" }, 'index.ts imports cli/output.ts'],
  ['past the door', { 'nn/a.ts': "import { add } from '../graph/ops/b.ts'" }, 'other parts import graph/index.ts'],
  ['from a new part', { 'web/a.ts': "import { x } from '../graph/b.ts'" }, 'web may import nothing'],
  [
    'of a Node module',
    { 'nn/a.ts': "import { join } from 'node:path'" },
    'nn/a.ts imports node:path: nn must run in a page',
  ],
  [
    'of a Node module in an HTML page',
    { 'pages/a.ts': "import { basename } from 'node:path'" },
    'pages/a.ts imports node:path: pages must run in a page',
  ],
  [
    'of a Node module by its old name',
    { 'nn/a.ts': "import { join } from 'path'" },
    'nn/a.ts imports path: nn must run in a page',
  ],
  [
    'of a Node package',
    { 'vision/a.ts': "import sharp from 'sharp'" },
    'vision/a.ts imports sharp: vision must run in a page',
  ],
  [
    'of Node through other files',
    {
      'caption/a.ts': "import { x } from '../vision/b.ts'",
      'vision/b.ts': "export { x } from './c.ts'",
      'vision/c.ts': "export const x = () => import('node:fs')",
    },
    'caption/a.ts imports vision/b.ts imports vision/c.ts imports node:fs: caption must run in a page',
  ],
  [
    'of the engine',
    { 'disk/a.ts': "import koffi from 'koffi'" },
    'disk/a.ts names koffi: the hosts alone know the engine',
  ],
  [
    'of the engine by its path',
    { 'cli/a.ts': "createRequire(import.meta.url).resolve('onnxruntime-node')" },
    'cli/a.ts names onnxruntime-node: the hosts alone know the engine',
  ],
  [
    'in a cycle',
    { 'nn/a.ts': "import { b } from './b.ts'", 'nn/b.ts': "import { a } from './a.ts'" },
    'nn/a.ts imports nn/b.ts imports nn/a.ts: a cycle',
  ],
]

test.each(violations)('a wrong import %s is refused and named', (_, files, said) => {
  const result = check(files)
  expect(result.said).toContain(said)
  expect(result.status).toBe(1)
})

test('src/ itself has no wrong imports', () => {
  const { status, stderr } = spawnSync(process.execPath, [script, src], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})
