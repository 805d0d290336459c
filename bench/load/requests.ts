// Requests to a server on this machine, closed and open loops. They go to 127.0.0.1 and nowhere else.
import { Agent, request } from 'node:http'

/** An answer: its status, the text, and the milliseconds that it took. */
export interface Answer {
  /** 0 for a connection that broke: then the text says how */
  readonly status: number
  readonly text: string
  readonly milliseconds: number
}

/** Throws unless the URL is on this machine: a load test must not reach another. */
export function checkLoopback(url: string): void {
  const { hostname } = new URL(url)
  if (hostname !== '127.0.0.1') throw new Error(`Cannot send load to "${hostname}": only to 127.0.0.1`)
}

/** Posts bytes. */
export function post(
  url: string,
  body: Uint8Array,
  { agent, headers = {} }: { readonly agent?: Agent; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  checkLoopback(url)
  const began = performance.now()
  const took = (): number => performance.now() - began
  return new Promise((resolve) => {
    const broken = ({ code, message }: NodeJS.ErrnoException): void => {
      const when = asked.reusedSocket ? 'on a connection that had answered before' : 'on a new connection'
      resolve({ status: 0, text: `${code ?? message} ${when}`, milliseconds: took() })
    }
    const asked = request(url, { method: 'POST', headers, ...(agent && { agent }) }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode!, text, milliseconds: took() }))
      response.on('error', broken)
    })
    asked.on('error', broken)
    asked.end(body)
  })
}

/** How a load went. */
export interface Load {
  /** answers by status; 0 for connections that broke */
  readonly statuses: Readonly<Record<number, number>>
  /** of the 503, those that were accepted and not captioned in time */
  readonly late: number
  /** how they broke */
  readonly breaks: readonly string[]
  /** answers with status 200 per second */
  readonly perSecond: number
  readonly seconds: number
  /** milliseconds of the answers with status 200 */
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Sums answers up. */
export function summarise(answers: readonly Answer[], seconds: number): Load {
  const statuses: Record<number, number> = {}
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  const breaks = answers.filter(({ status }) => status === 0).map(({ text }) => text)
  const late = answers.filter(({ status, text }) => status === 503 && text.includes('was not captioned within')).length
  const times = answers.filter(({ status }) => status === 200).map(({ milliseconds }) => milliseconds)
  times.sort((a, b) => a - b)
  const at = (part: number): number =>
    times[Math.min(times.length - 1, Math.ceil(part * times.length) - 1)] ?? Number.NaN
  return {
    statuses,
    late,
    breaks,
    perSecond: times.length / seconds,
    seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  }
}

/** Closed loop: each of `connections` asks again as soon as it has its answer, `requests` in all. */
export async function closedLoop(
  url: string,
  bodies: readonly Uint8Array[],
  { connections, requests }: { readonly connections: number; readonly requests: number },
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: Answer[] = []
  let next = 0
  const began = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (next < requests) answers.push(await post(url, bodies[next++ % bodies.length]!, { agent }))
    }),
  )
  const seconds = (performance.now() - began) / 1000
  agent.destroy()
  return summarise(answers, seconds)
}

/** The most requests of an open loop that are in progress; a server that falls behind so far has failed. */
const MAX_OPEN = 1000

/** How many requests an open loop sends, and for how long. */
export interface OpenLoop {
  /** requests a second */
  readonly rate: number
  readonly seconds: number
  /** called every second with the number of requests that are answered */
  readonly onSecond?: (answered: number) => void
  /** ends it early: what was sent is still answered */
  readonly signal?: AbortSignal
}

/** Open loop: `rate` requests a second, whether or not the earlier ones are answered. */
export async function openLoop(
  url: string,
  bodies: readonly Uint8Array[],
  { rate, seconds, onSecond, signal }: OpenLoop,
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_OPEN })
  const answers: Answer[] = []
  const open = new Set<Promise<unknown>>()
  const began = performance.now()
  let [sent, second] = [0, 0]
  for (;;) {
    const now = (performance.now() - began) / 1000
    if (now >= seconds || signal?.aborted) break
    if (now >= second + 1) {
      second = Math.floor(now)
      onSecond?.(answers.length)
    }
    while (sent < now * rate && open.size < MAX_OPEN) {
      const asked = post(url, bodies[sent++ % bodies.length]!, { agent }).then((answer) => {
        answers.push(answer)
        open.delete(asked)
      })
      open.add(asked)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const took = (performance.now() - began) / 1000
  await Promise.all(open)
  agent.destroy()
  return summarise(answers, took)
}
