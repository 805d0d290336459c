import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** How a server answers a request; `n` counts the requests of a path, from 0. */
export type Answer = (response: ServerResponse, request: IncomingMessage, n: number) => void

/** A request as a test checks it. */
export interface Seen {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

/** A server on loopback that is gone after the test. `requests` grows with each request. */
export async function serve(answers: Readonly<Record<string, Answer>>): Promise<{ url: string; requests: Seen[] }> {
  const requests: Seen[] = []
  const counts = new Map<string, number>()
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const n = counts.get(path) ?? 0
    counts.set(path, n + 1)
    requests.push({ path, range: request.headers.range, ifRange: request.headers['if-range'] as string | undefined })
    const answer = answers[path]
    if (answer) answer(response, request, n)
    else response.writeHead(404).end('not here')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** The SHA-256 of bytes in hexadecimal. */
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes without a pattern, so that a shifted copy is noticed. */
export const noise = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 255))

interface Flaws {
  /** the connection breaks after this many bytes of the body */
  readonly breakAfter?: number | undefined
  /** the server knows no Range */
  readonly noRanges?: boolean
  readonly etag?: string
}

/** Answers as a file server does, from the byte that Range asks for, if If-Range names this version. */
export function sendFile(
  content: Uint8Array,
  response: ServerResponse,
  request: IncomingMessage,
  { breakAfter, noRanges = false, etag = '"v1"' }: Flaws = {},
): void {
  const wanted = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const sameVersion = (request.headers['if-range'] ?? etag) === etag
  const start = noRanges || !sameVersion ? 0 : wanted
  if (start > 0 && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const body = content.subarray(start)
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': body.length,
    etag,
    ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  })
  if (breakAfter === undefined || breakAfter >= body.length) response.end(body)
  else response.write(body.subarray(0, breakAfter), () => response.destroy())
}
