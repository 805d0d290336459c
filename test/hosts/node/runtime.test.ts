import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { floatData } from '../../../src/engine/session.ts'
import { floats } from '../../../src/formats/host-value.ts'
import { input } from '../../../src/graph/index.ts'
import { matmul } from '../../../src/graph/ops/index.ts'
import { nodeRuntime } from '../../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { temporaryFolder } from '../../support/folder.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

test('ONNX Runtime keeps nothing of the user and tells nobody: no device id, no database in the cache folder', async () => {
  const folder = await temporaryFolder()
  const script = join(folder, 'run.ts')
  const from = (path: string) => JSON.stringify(pathToFileURL(join(root, 'src', path)).href)
  await writeFile(
    script,
    `import { nodeRuntime } from ${from('runtime/node.ts')}
import { toOnnx } from ${from('runtime/onnx-export.ts')}
import { input } from ${from('graph/index.ts')}
import { add } from ${from('graph/ops/index.ts')}
import { floats } from ${from('runtime/session.ts')}
const session = await nodeRuntime.load(toOnnx({ sum: add(input('x', [1]), 1) }))
await session.run({ x: floats([1]) })
session.release()
`,
  )
  await writeFile(join(folder, 'package.json'), '{"type": "module"}')
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  // the library is silent on build machines, which it knows by such variables
  const { PATH } = process.env
  await promisify(execFile)(process.execPath, ['--import', tsx, script], { env: { PATH, HOME: folder } })
  const left = (await readdir(folder, { recursive: true })).filter((name) => /microsoft|onnxruntime/i.test(name))
  expect(left).toEqual([])
})

test('a session that is released while it runs ends its runs first, and takes no more', async () => {
  const size = 800
  const session = await nodeRuntime.load(toOnnx({ y: matmul(input('x', ['N', size]), input('w', [size, size])) }))
  const feeds = {
    x: floats([size, size], new Float32Array(size * size).fill(1)),
    w: floats([size, size], new Float32Array(size * size).fill(2)),
  }
  const runs = [session.run(feeds), session.run(feeds)]
  session.release()
  for (const run of runs) expect(floatData((await run).y)[size]).toBe(2 * size)
  await expect(session.run(feeds)).rejects.toThrow('released')
})
