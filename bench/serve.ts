// The server under load, on this machine. `npm run bench -- --only serve` runs the first two.
//   tsx bench/serve.ts command                      the pictures through `mia caption`, without a server
//   tsx bench/serve.ts connections 8 [requests]     8 connections that ask as fast as they get answers
//   tsx bench/serve.ts soak [seconds]               twice the requests that it can answer, 900 s by default
//   tsx bench/serve.ts slow [clients] [seconds]     500 slow clients beside 8 normal ones
//   tsx bench/serve.ts broken [requests]            10,000 broken bodies
// Prints one JSON line, and progress to standard error. The last three exit with status 1 if the server failed; Ctrl-C ends
// soak and broken early, with the numbers so far and status 130.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ProgressLine } from '../src/cli/progress.ts'
import { Captioner } from '../src/hosts/node/captioner.ts'
import { sendBroken } from './load/broken-bodies.ts'
import { closedLoop, type Load, openLoop } from './load/requests.ts'
import { startServerProcess } from './load/server-process.ts'
import { slowClients } from './load/slow-clients.ts'

const FOLDER = fileURLToPath(new URL('../../shared/data/coco-mini/train2017/', import.meta.url))
const MEBIBYTE = 2 ** 20
const [mode, ...numbers] = process.argv.slice(2)
const [first, second] = numbers.map(Number)
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.jpg'))
  .map((name) => join(FOLDER, name))
const pictures = files.map((file) => readFileSync(file))

const rounded = (load: Load): object =>
  Object.fromEntries(
    Object.entries(load).map(([name, value]) => [name, typeof value === 'number' ? Number(value.toFixed(1)) : value]),
  )

const inWords = ({ perSecond, p50, p95, p99 }: Load): string =>
  `${perSecond.toFixed(1)}/s, p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`

/** Captions the pictures as `mia caption` does, 3 times over. */
async function command(): Promise<object> {
  const captioner = await Captioner.load()
  await captioner.captionAll(files.slice(0, 16))
  const began = performance.now()
  await captioner.captionAll([...files, ...files, ...files])
  const seconds = (performance.now() - began) / 1000
  await captioner.release()
  const detail = `${((3 * files.length) / seconds).toFixed(1)}/s`
  return { seconds, peakMB: process.resourceUsage().maxRSS / 1024, detail }
}

async function connections(count: number, requests: number): Promise<object> {
  const server = await startServerProcess()
  await closedLoop(`${server.url}v1/caption`, pictures, { connections: count, requests: 16 })
  const load = await closedLoop(`${server.url}v1/caption`, pictures, { connections: count, requests })
  const peakMB = (await server.metric('process_resident_memory_bytes')) / MEBIBYTE
  await server.stop()
  return { seconds: load.seconds, peakMB, detail: inWords(load), statuses: load.statuses }
}

/** Twice the capacity: answers are 200 or 503, and memory does not grow after the first third. */
async function soak(seconds: number, signal: AbortSignal): Promise<object> {
  const server = await startServerProcess()
  const url = `${server.url}v1/caption`
  const { perSecond } = await closedLoop(url, pictures, { connections: 32, requests: 320 })
  const rate = 2 * perSecond
  const memoryNow = async (): Promise<number> => (await server.metric('process_resident_memory_bytes')) / MEBIBYTE
  const memory = [await memoryNow()]
  const progress = new ProgressLine(process.stderr, 'soak', 'requests')
  const onSecond = (answered: number): void => {
    progress.update(answered, Math.round(rate * seconds))
    void memoryNow().then(
      (megabytes) => memory.push(megabytes),
      () => {},
    )
  }
  const load = await openLoop(url, pictures, { rate, seconds, onSecond, signal })
  progress.finish()
  const end = await memoryNow()
  const { 200: captioned = 0, 503: refused = 0, ...others } = load.statuses
  const after = (part: number): number => mean(memory.slice(Math.floor(part * memory.length)).slice(0, 60))
  const [early, middle, late] = [after(0.33), after(0.5), after(0.9)]
  const status = await server.stop()
  const failed = Object.keys(others).length > 0 || late > 1.1 * early || status !== 0
  return {
    capacity: perSecond,
    ...rounded(load),
    captioned,
    refused,
    others,
    memoryMB: { start: memory[0], early, middle, late, end, most: Math.max(...memory, end) },
    failed,
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

async function slow(clients: number, seconds: number): Promise<object> {
  const server = await startServerProcess(['--timeout', `${seconds + 30}`])
  const url = `${server.url}v1/caption`
  const alone = await closedLoop(url, pictures, { connections: 8, requests: 80 })
  const crowd = await slowClients(server.url, clients, 500)
  const requests = Math.max(80, Math.round(alone.perSecond * seconds))
  const beside = await closedLoop(url, pictures, { connections: 8, requests })
  const { open } = crowd
  const heldMB = (await server.metric('mia_body_bytes')) / MEBIBYTE
  crowd.end()
  await server.stop()
  const failed = open !== clients || beside.statuses[200] !== requests
  return { alone: rounded(alone), beside: rounded(beside), slowClients: open, heldMB, failed }
}

async function broken(count: number, signal: AbortSignal): Promise<object> {
  const server = await startServerProcess()
  const progress = new ProgressLine(process.stderr, 'broken bodies', 'requests')
  const onProgress = (done: number, total: number): void => progress.update(done, total)
  const { statuses, faults } = await sendBroken(server.url, pictures, { count, connections: 16, onProgress, signal })
  progress.finish()
  const after = await closedLoop(`${server.url}v1/caption`, pictures, { connections: 1, requests: 10 })
  const memoryMB = (await server.metric('process_resident_memory_bytes')) / MEBIBYTE
  await server.stop()
  return { statuses, faults, memoryMB, failed: faults.length > 0 || after.statuses[200] !== 10 }
}

const MODES: Readonly<Record<string, (signal: AbortSignal) => Promise<object>>> = {
  command,
  connections: () => connections(first ?? 8, second ?? 240),
  soak: (signal) => soak(first ?? 900, signal),
  slow: () => slow(first ?? 500, second ?? 60),
  broken: (signal) => broken(first ?? 10_000, signal),
}
const run = MODES[mode ?? '']
if (!run) throw new Error(`Cannot run "${mode}": it must be one of ${Object.keys(MODES).join(', ')}`)
const stop = new AbortController()
if (mode === 'soak' || mode === 'broken') process.on('SIGINT', () => stop.abort())
const result = await run(stop.signal)
const interrupted = stop.signal.aborted
console.log(JSON.stringify({ ...result, ...(interrupted && { interrupted }) }))
process.exitCode = 'failed' in result && result.failed ? 1 : interrupted ? 130 : 0
