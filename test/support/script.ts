import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const resolve = createRequire(import.meta.url).resolve

/** The URL of a file of `src/`, as a string literal for an import in a script. */
export const source = (path: string): string => JSON.stringify(pathToFileURL(join(root, 'src', path)).href)

/** The text of `collect()`, which collects garbage; for a script that runs with `--expose-gc`. */
export const COLLECT_GARBAGE = `const turn = () => new Promise((resolve) => setImmediate(resolve))
const collect = async () => {
  for (let i = 0; i < 3; i++) {
    await turn()
    gc()
  }
}`

/** How runScript() starts Node. */
export interface ScriptOptions {
  readonly nodeOptions?: readonly string[]
  /** the whole environment beside PATH */
  readonly env?: Readonly<Record<string, string>>
  /** run the script in a worker thread instead of the main thread */
  readonly worker?: boolean
}

/** Runs a TypeScript module in a Node process of its own and returns what it prints. Rejects if it fails. */
export async function runScript(
  folder: string,
  text: string,
  { nodeOptions = [], env = {}, worker = false }: ScriptOptions = {},
): Promise<string> {
  await writeFile(join(folder, 'package.json'), '{"type": "module"}')
  await writeFile(join(folder, 'script.ts'), text)
  // Node's --import reaches worker threads before tsx can register there, so that the thread registers it itself
  const tsx = JSON.stringify(pathToFileURL(resolve('tsx/esm/api').replace(/cjs$/, 'mjs')).href)
  await writeFile(
    join(folder, 'thread.js'),
    `import { register } from ${tsx}\nregister()\nawait import('./script.ts')\n`,
  )
  await writeFile(
    join(folder, 'main.js'),
    worker
      ? `import { Worker } from 'node:worker_threads'\nnew Worker(new URL('thread.js', import.meta.url))\n`
      : `import './thread.js'\n`,
  )
  const { PATH = '' } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, join(folder, 'main.js')], {
    env: { PATH, ...env },
  })
  return stdout
}
