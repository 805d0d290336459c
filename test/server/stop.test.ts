import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { mia } from '../cli/mia.ts'
import { temporaryFolder } from '../support/folder.ts'
import { plainPng } from './pictures.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

type Line = { readonly message: string; readonly url?: string; readonly [field: string]: unknown }

/** `mia serve` as a process, once it listens, with the lines of its log. */
async function startProcess(): Promise<{ child: ChildProcess; url: string; lines: Line[]; others: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'serve', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [lines, others]: [Line[], string[]] = [[], []]
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr!).on('line', (line) => {
      if (!line.startsWith('{')) return others.push(line)
      lines.push(JSON.parse(line))
      if (lines.at(-1)!.url) resolve(lines.at(-1)!.url!)
    })
    child.once('exit', () => reject(new Error('mia serve ended')))
  })
  return { child, url, lines, others }
}

test('SIGTERM: what is in progress is answered, slow clients are let go within ten seconds, the status is 0', async () => {
  const { child, url, lines } = await startProcess()
  const picture = await plainPng(1)
  const slow = connect(Number(new URL(url).port), '127.0.0.1') // sends half a request and waits
  slow.on('error', () => {})
  slow.write('POST /v1/caption HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nGIF89a')
  const idle = connect(Number(new URL(url).port), '127.0.0.1')
  idle.on('error', () => {})
  const asked = Array.from({ length: 8 }, () =>
    fetch(`${url}v1/caption`, { method: 'POST', body: new Uint8Array(picture) }),
  )
  await Promise.race(asked)
  const began = performance.now()
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const answers = await Promise.all(asked)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const [status] = await exited
  expect(status).toBe(0)
  expect((performance.now() - began) / 1000).toBeLessThan(10)
  expect(lines.map(({ message }) => message)).toContain('stopping')
  for (const { time, level, message } of lines) {
    expect(new Date(`${time}`).toISOString()).toBe(time)
    expect([level, message]).not.toContain(undefined)
  }
  const ids = lines.flatMap(({ request }) => (request === undefined ? [] : [request]))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBeGreaterThanOrEqual(8)
})

test('a port in use and a token that is no token are mistakes of the user', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const taken = await mia(['serve', '--port', `${port}`])
  other.close()
  expect(taken.stderr).toMatch(/^Error: Cannot listen at 127\.0\.0\.1:\d+: another program uses the port/m)
  const path = join(await temporaryFolder(), 'token.txt')
  await writeFile(path, 'short\n')
  expect((await mia(['serve', '--token-file', path])).stderr).toMatch(
    /^Error: Cannot use the token in ".*": it must be/,
  )
  expect((await mia(['serve', '--token-file', `${path}x`])).stderr).toMatch(/^Error: Cannot read token .*no such file/)
  expect((await mia(['serve', '--run', `${path}x`])).stderr).toMatch(/^Error: Cannot read run/)
})
