import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zipOf } from './zip-of.ts'

const PIECE = 40_000
const PAUSE_MS = 50

/**
 * Serves an archive on loopback in place of COCO's, in pieces: a download takes half a second, and resumes where it broke
 * off. Its address, size and checksum are in MIA_FAULTS_ARCHIVE. Returns what ends it.
 */
export async function serveArchive(): Promise<() => void> {
  const pixels = Buffer.from(Array.from({ length: 10 * PIECE }, (_, i) => (i * i) & 255))
  const content = zipOf('val2017/1.jpg', pixels, { stored: true })
  const server = createServer((request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
    const headers = { 'content-length': content.length - start, etag: '"v1"' }
    response.writeHead(start > 0 ? 206 : 200, { ...headers, ...(start > 0 && range) })
    let sent = start
    const timer = setInterval(() => {
      response.write(content.subarray(sent, sent + PIECE))
      sent += PIECE
      if (sent >= content.length) response.end()
    }, PAUSE_MS)
    response.on('close', () => clearInterval(timer)).on('finish', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env.MIA_FAULTS_ARCHIVE = JSON.stringify({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/val2017.zip`,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  })
  return () => {
    server.closeAllConnections()
    server.close()
  }
}
