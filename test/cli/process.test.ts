import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const built = `${root}dist/cli/main.js`
const tsx = ['--import', 'tsx']

interface Ended {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts test/cli/slow.ts; `printed` waits for a text on stderr. */
function startSlow(command: string) {
  const child: ChildProcess = spawn(process.execPath, [...tsx, `${root}test/cli/slow.ts`, command], { cwd: root })
  const text = { stdout: '', stderr: '' }
  child.stdout!.on('data', (part) => (text.stdout += part))
  child.stderr!.on('data', (part) => (text.stderr += part))
  const printed = async (wanted: string): Promise<void> => {
    while (!text.stderr.includes(wanted)) await once(child.stderr!, 'data')
  }
  const ended = once(child, 'close').then(([status, signal]): Ended => ({ status, signal, ...text }))
  return { child, printed, ended }
}

test('the first Ctrl-C stops a command cleanly: exit status 130, and how to resume', async () => {
  const { child, printed, ended } = startSlow('stoppable')
  await printed('ready')
  child.kill('SIGINT')
  const { status, stdout, stderr } = await ended
  expect(status).toBe(130)
  expect(stdout).toBe('')
  expect(stderr).toMatch(
    /^ready\nStopping; press Ctrl-C again to stop at once\nWaiting: .*\nStopped; run the same command again to resume\n$/,
  )
})

test('the second Ctrl-C ends a command that does not stop', async () => {
  const { child, printed, ended } = startSlow('stubborn')
  await printed('ready')
  child.kill('SIGINT')
  await printed('Stopping')
  child.kill('SIGINT')
  expect((await ended).signal).toBe('SIGINT')
})

test('SIGTERM stops a command as cleanly, with exit status 143', async () => {
  const { child, printed, ended } = startSlow('stoppable')
  await printed('ready')
  child.kill('SIGTERM')
  expect((await ended).status).toBe(143)
})

test('a reader that closes the pipe early is no error', async () => {
  const command = `${JSON.stringify(process.execPath)} --import tsx src/cli/main.ts --version | true`
  const { stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: root })
  expect(stderr).toBe('')
})

test('a command goes on when nobody reads its progress any more', async () => {
  const brief = `${JSON.stringify(process.execPath)} --import tsx test/cli/slow.ts brief`
  const line = `{ { ${brief} 2>&1 >/dev/null; echo "status $?" >&3; } | true; } 3>&1`
  const { stdout } = await promisify(execFile)('bash', ['-c', line], { cwd: root })
  expect(stdout).toBe('status 0\n')
})

test.skipIf(!existsSync('/dev/full'))('a full disk under stdout is an error of one line', async () => {
  const command = `${JSON.stringify(process.execPath)} --import tsx src/cli/main.ts --version > /dev/full`
  const ran = await promisify(execFile)('bash', ['-c', command], { cwd: root }).catch((error) => error)
  expect(ran.stderr).toBe('Error: Cannot write to standard output: the disk is full\n')
  expect(ran.code).toBe(1)
})

/** The shortest of many runs of each command, in ms; they take turns, so that other load affects all of them. */
function shortest<Name extends string>(commands: Record<Name, readonly string[]>): Record<Name, number> {
  const best = {} as Record<Name, number>
  for (let turn = 0; turn < 15; turn++)
    for (const [name, args] of Object.entries(commands) as [Name, readonly string[]][]) {
      const started = performance.now()
      spawnSync(process.execPath, args)
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, performance.now() - started)
    }
  return best
}

test('mia --help answers in under 100 ms where Node itself starts in 60, and in proportion where it is slower', {
  retry: 3,
}, () => {
  expect(existsSync(built), 'not built: run "npm run build"').toBe(true)
  const { help, node } = shortest({ help: [built, '--help'], node: ['-e', '0'] })
  expect(help).toBeLessThan(Math.max(100, (node * 100) / 60))
})

test('the built command answers as the sources do', () => {
  const { stdout, status } = spawnSync(process.execPath, [built, '--version'], { encoding: 'utf8' })
  expect(stdout).toBe(`${JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version}\n`)
  expect(status).toBe(0)
})

test('a thousand arguments are taken; with telemetry on, they would crash ONNX Runtime', async () => {
  const long = Array.from(
    { length: 1000 },
    (_, i) => `a-folder-with-a-long-name-that-is-of-no-interest/${i}/picture.jpg`,
  )
  const ran = await promisify(execFile)(process.execPath, [...tsx, `${root}src/cli/main.ts`, 'caption', ...long], {
    cwd: root,
  }).catch((error) => error)
  expect(ran.code).toBe(1)
  expect(ran.stdout).toBe('No captions: none of the images can be read\n')
  expect(ran.stderr).toContain('of-no-interest/0/picture.jpg: there is no such file')
  expect(ran.stderr).toContain('skipped 980 more images: there is no such file')
})
