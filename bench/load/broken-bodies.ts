import { Agent } from 'node:http'
import type { Watch } from '../../src/progress.ts'
import { Random } from '../../src/random.ts'
import { type Answer, post } from './requests.ts'

/** A request that no client in its right mind sends. */
interface Broken {
  readonly path: string
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** Makes broken requests from whole pictures, the same for the same seed. */
export function* brokenRequests(pictures: readonly Uint8Array[], seed: number): Generator<Broken> {
  const random = new Random(seed)
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
  for (;;) {
    const picture = pick(pictures)
    yield pick(MAKERS)(pick(DAMAGES)(picture, random), random)
  }
}

type Damage = (picture: Uint8Array, random: Random) => Uint8Array
type Maker = (bytes: Uint8Array, random: Random) => Broken

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** What may happen to a picture. */
const DAMAGES: readonly Damage[] = [
  (picture, random) => picture.subarray(0, random.below(picture.length)),
  (picture, random) => {
    const copy = Uint8Array.from(picture)
    for (let i = 0; i < 30; i++) copy[random.below(copy.length)] = random.below(256)
    return copy
  },
  (picture, random) => {
    const copy = Uint8Array.from(picture)
    for (let i = 0; i < 40; i++) copy[random.below(Math.min(600, copy.length))] = random.below(256) // its headers
    return copy
  },
  (_, random) => Uint8Array.from({ length: random.below(2000) }, () => random.below(256)),
  (picture, random) => text(pick(KINDS, random)).subarray(0, 1000 + (picture.length % 7)),
]

/** The beginnings of other formats. */
const KINDS = [
  'GIF89a\xff\xff\xff\xff',
  '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
  'RIFF\0\0\0\0WEBPVP8 ',
  '%PDF-1.7',
  'II*\0\x08\0\0\0\xff\xff',
  '\0\0\0\x20ftypheic',
  '',
]

const pick = <T>(from: readonly T[], random: Random): T => from[random.below(from.length)]!

/** How the bytes are sent. */
const MAKERS: readonly Maker[] = [
  (body) => ({ path: '/v1/caption', body, headers: {} }),
  (body) => ({ path: '/v1/represent', body, headers: { 'Content-Type': 'image/jpeg' } }),
  (body) => ({ path: '/v1/caption', body, headers: { 'Content-Type': 'multipart/form-data; boundary=x' } }),
  (body, random) => {
    const whole = Buffer.concat([
      text(
        `--x\r\nContent-Disposition: form-data; name="${pick(['image', 'a', '', 'image"'], random)}"; filename="a\r\n\r\n`,
      ),
      body,
      text(pick(['\r\n--x--', '\r\n--x\r\n', '', '\r\n--x--\r\n--x--'], random)),
    ])
    return { path: '/v1/caption', body: whole, headers: { 'Content-Type': 'multipart/form-data; boundary=x' } }
  },
  (body) => ({
    path: '/api/generate',
    body: text(JSON.stringify({ model: 'mia-caption', images: [Buffer.from(body).toString('base64')] })),
    headers: {},
  }),
  (body, random) => {
    const json = JSON.stringify({ model: 'mia-caption', messages: [{ role: 'user', images: ['x'], content: [{}] }] })
    const cut = json.slice(0, random.below(json.length))
    return {
      path: pick(['/api/chat', '/v1/chat/completions'], random),
      body: text(pick([cut, json], random) + body[0]),
      headers: {},
    }
  },
  (body, random) => ({
    path: pick(['/api/chat', '/api/generate', '/v1/chat/completions', '/api/show'], random),
    body: text(
      pick(['null', '[]', '"x"', '1e999', '{"model":{}}', '['.repeat(30_000), '\ud800', '{"images":[1]}'], random),
    ),
    headers: { 'Content-Type': pick(['application/json', 'text/plain'], random), 'X-Body': `${body.length}` },
  }),
]

/** How many broken requests are sent: `connections` at a time. */
export interface BrokenLoad extends Watch {
  readonly count: number
  readonly connections: number
  readonly seed?: number
}

/** The statuses of broken requests, and the answers that a server must not give. `signal` ends it early. */
export async function sendBroken(
  url: string,
  pictures: readonly Uint8Array[],
  { count, connections, seed = 1, onProgress, signal }: BrokenLoad,
): Promise<{ readonly statuses: Record<number, number>; readonly faults: readonly Answer[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const requests = brokenRequests(pictures, seed)
  const statuses: Record<number, number> = {}
  const faults: Answer[] = []
  let [sent, done] = [0, 0]
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (sent < count && !signal?.aborted) {
        sent += 1
        const { path, body, headers } = requests.next().value as Broken
        const answer = await post(new URL(path, url).href, body, { agent, headers })
        done += 1
        onProgress?.(done, count)
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
        const isOurs = answer.status >= 500 && answer.status !== 503
        if (isOurs || answer.status === 0 || /node_modules|\n\s+at |\/src\//.test(answer.text)) faults.push(answer)
      }
    }),
  )
  agent.destroy()
  return { statuses, faults }
}
