import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url).pathname
const built = `${root}dist/cli/main.js`
const tsx = ['--import', 'tsx']

interface Ended {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts test/cli/slow.ts; `said` waits for a text on stderr. */
function startSlow(command: string) {
  const child: ChildProcess = spawn(process.execPath, [...tsx, `${root}test/cli/slow.ts`, command], { cwd: root })
  const text = { stdout: '', stderr: '' }
  child.stdout!.on('data', (part) => (text.stdout += part))
  child.stderr!.on('data', (part) => (text.stderr += part))
  const said = async (wanted: string): Promise<void> => {
    while (!text.stderr.includes(wanted)) await once(child.stderr!, 'data')
  }
  const ended = once(child, 'close').then(([status, signal]): Ended => ({ status, signal, ...text }))
  return { child, said, ended }
}

test('the first Ctrl-C stops a command cleanly: exit status 130 and a word on how to go on', async () => {
  const { child, said, ended } = startSlow('polite')
  await said('ready')
  child.kill('SIGINT')
  const { status, stdout, stderr } = await ended
  expect(status).toBe(130)
  expect(stdout).toBe('')
  expect(stderr).toMatch(
    /^ready\nStopping cleanly; Ctrl-C once more stops at once\nWaiting: .*\nStopped; to go on, run the same command again\n$/,
  )
})

test('the second Ctrl-C ends a command that does not stop', async () => {
  const { child, said, ended } = startSlow('deaf')
  await said('ready')
  child.kill('SIGINT')
  await said('Stopping')
  child.kill('SIGINT')
  expect((await ended).signal).toBe('SIGINT')
})

test('a request to terminate stops a command as cleanly, with exit status 143', async () => {
  const { child, said, ended } = startSlow('polite')
  await said('ready')
  child.kill('SIGTERM')
  expect((await ended).status).toBe(143)
})

test('a reader that closes the pipe early is no error', async () => {
  const command = `${JSON.stringify(process.execPath)} --import tsx src/cli/main.ts --version | true`
  const { stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: root })
  expect(stderr).toBe('')
})

/** The shortest of many runs, in ms: what a busy machine adds is not the command's. */
function shortest(args: readonly string[]): number {
  const times = Array.from({ length: 15 }, () => {
    const started = performance.now()
    spawnSync(process.execPath, args)
    return performance.now() - started
  })
  return Math.min(...times)
}

test('mia --help answers in under 100 ms', { retry: 3 }, () => {
  expect(existsSync(built), 'not built: run "npm run build"').toBe(true)
  expect(shortest([built, '--help'])).toBeLessThan(100)
})

test('the built command answers as the sources do', () => {
  const { stdout, status } = spawnSync(process.execPath, [built, '--version'], { encoding: 'utf8' })
  expect(stdout).toBe(`${JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version}\n`)
  expect(status).toBe(0)
})
