import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type DownloadOptions, download, downloadedBytes } from '../../src/data/download.ts'
import { UserError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Answer, noise, sendFile, serve, sha256 } from './http-server.ts'

const content = noise(300_000)
const published = { bytes: content.length, sha256: sha256(content) }
const FAST: DownloadOptions = { pauseMs: 1, stallMs: 5000 }

/** A server with one file, and a path to download it to. */
async function world(answer: Answer, file: object = published) {
  const server = await serve({ '/a.zip': answer })
  const folder = await temporaryFolder()
  const path = join(folder, 'downloads', 'a.zip')
  const fetchIt = (options: DownloadOptions = {}) =>
    download({ url: `${server.url}/a.zip`, ...file }, path, { ...FAST, ...options })
  return { ...server, path, folder, fetchIt }
}

/** Compares by Buffer.equals(): toEqual() takes seconds for so many bytes. */
async function expectContent(path: string) {
  expect(content.equals(await readFile(path))).toBe(true)
}

test('download() writes the file, and leaves nothing else behind', async () => {
  const { path, fetchIt, folder, requests } = await world((response, request) => sendFile(content, response, request))
  const seen: number[] = []
  await fetchIt({ onBytes: (done) => seen.push(done) })
  await expectContent(path)
  expect(await readdir(join(folder, 'downloads'))).toEqual(['a.zip'])
  expect(seen[0]).toBe(0)
  expect(seen.at(-1)).toBe(content.length)
  await fetchIt()
  expect(requests).toHaveLength(1) // the second call finds the file
})

test('download() asks for the rest after the server broke off', async () => {
  const { path, fetchIt, requests } = await world((response, request, n) =>
    sendFile(content, response, request, { breakAfter: n < 2 ? 100_000 : undefined }),
  )
  const retries: string[] = []
  await fetchIt({ onRetry: (why) => retries.push(why) })
  await expectContent(path)
  expect(requests.slice(1)).toEqual([
    { path: '/a.zip', range: 'bytes=100000-', ifRange: '"v1"' },
    { path: '/a.zip', range: 'bytes=200000-', ifRange: '"v1"' },
  ])
  expect(retries[0]).toBe('the connection broke off; trying again in 1 s')
})

test('download() resumes in a later call what an aborted one left', async () => {
  const { path, fetchIt, requests } = await world((response, request, n) => {
    if (n > 0) return sendFile(content, response, request)
    response.writeHead(200, { 'content-length': content.length, etag: '"v1"' })
    response.write(content.subarray(0, 120_000)) // and then nothing more
  })
  const stop = new AbortController()
  const stopped = fetchIt({ signal: stop.signal, onBytes: (done) => done === 120_000 && stop.abort() })
  await expect(stopped).rejects.toThrow(/abort/)
  expect(existsSync(path)).toBe(false)
  expect(await downloadedBytes(path)).toBe(120_000)
  await fetchIt()
  expect(requests[1]!.range).toBe('bytes=120000-')
  await expectContent(path)
})

test('download() starts again if the server has another version of the file by now', async () => {
  const old = noise(200_000).reverse()
  const { path, fetchIt } = await world((response, request, n) =>
    n === 0
      ? sendFile(old, response, request, { breakAfter: 50_000, etag: '"v0"' })
      : sendFile(content, response, request),
  )
  await fetchIt()
  await expectContent(path)
})

test('download() starts again if the server ignores Range, but not for ever', async () => {
  const half = await world((response, request, n) =>
    sendFile(content, response, request, { noRanges: true, breakAfter: n === 0 ? 100_000 : undefined }),
  )
  await half.fetchIt()
  await expectContent(half.path)
  const always = await world((response, request) =>
    sendFile(content, response, request, { noRanges: true, breakAfter: 100_000 }),
  )
  await expect(always.fetchIt({ attempts: 3 })).rejects.toThrow(
    /the connection broke off; 100,000 of 300,000 bytes are in ".*a\.zip\.part": run the same command to resume$/,
  )
  expect(always.requests).toHaveLength(3) // only the first brought new bytes
})

test('download() asks for the rest when Content-Length is too small', async () => {
  const { path, fetchIt } = await world((response, request, n) =>
    n === 0
      ? response.writeHead(200, { 'content-length': 70_000, etag: '"v1"' }).end(content.subarray(0, 70_000))
      : sendFile(content, response, request),
  )
  const retries: string[] = []
  await fetchIt({ onRetry: (why) => retries.push(why) })
  expect(retries[0]).toMatch(/^the server ended after 70,000 of 300,000 bytes/)
  await expectContent(path)
})

test('download() ends when all bytes are there, though Content-Length is too large', async () => {
  const { path, fetchIt } = await world((response) => {
    response.writeHead(200, { 'content-length': content.length + 1000, etag: '"v1"' })
    response.write(content, () => response.destroy())
  })
  await fetchIt()
  await expectContent(path)
})

test('download() refuses a file that is longer than the published one', async () => {
  const longer = Buffer.concat([content, Buffer.from('more')])
  const { path, fetchIt } = await world((response, request) => sendFile(longer, response, request))
  await expect(fetchIt()).rejects.toThrow(
    /a\.zip": the server sends more than 300,000 bytes, the published one 300,000; it is another file$/,
  )
  expect(existsSync(path)).toBe(false)
})

test('download() refuses to append bytes of a file of another size', async () => {
  const other = noise(290_000)
  const { fetchIt } = await world((response, request, n) =>
    sendFile(n === 0 ? content : other, response, request, { breakAfter: n === 0 ? 100_000 : undefined }),
  )
  await expect(fetchIt()).rejects.toThrow(/the server's file has 290,000 bytes, the published one 300,000/)
})

test('download() compares the checksum, tries once more, and keeps no wrong bytes', async () => {
  const wrong = Buffer.from(content)
  wrong[150_000]! ^= 1
  const once = await world((response, request, n) => sendFile(n === 0 ? wrong : content, response, request))
  await once.fetchIt()
  await expectContent(once.path)
  const always = await world((response, request) => sendFile(wrong, response, request))
  await expect(always.fetchIt()).rejects.toThrow(/its SHA-256 is [0-9a-f]{12}\.\.\. and should be [0-9a-f]{12}\.\.\.;/)
  expect(await readdir(join(always.folder, 'downloads'))).toEqual([])
})

test('download() does not believe what earlier bytes came from another address', async () => {
  const { path, fetchIt, requests } = await world((response, request) => sendFile(content, response, request))
  await mkdir(join(path, '..'))
  await writeFile(`${path}.part`, 'from elsewhere')
  await writeFile(`${path}.part.json`, JSON.stringify({ url: 'http://elsewhere/a.zip', validator: '"v1"' }))
  await fetchIt()
  expect(requests[0]!.range).toBeUndefined()
  await expectContent(path)
})

test('download() refuses bytes from another place than it asked for', async () => {
  const { path, fetchIt } = await world((response, request, n) => {
    if (n !== 1) return sendFile(content, response, request, { breakAfter: n === 0 ? 100_000 : undefined })
    const headers = { 'content-range': `bytes 0-${content.length - 1}/${content.length}` }
    response.writeHead(206, headers).end(content)
  })
  await fetchIt()
  await expectContent(path)
})

test('download() of a file of unknown size ends where the server says it ends', async () => {
  const { path, fetchIt } = await world(
    (response, request, n) => sendFile(content, response, request, { breakAfter: n === 0 ? 100_000 : undefined }),
    {},
  )
  await fetchIt()
  await expectContent(path)
})

test('download() of a file of unknown size finds that its .part file is complete', async () => {
  const { path, fetchIt, url } = await world((response, request) => sendFile(content, response, request), {})
  await mkdir(join(path, '..'))
  await writeFile(`${path}.part`, content)
  await writeFile(`${path}.part.json`, JSON.stringify({ url: `${url}/a.zip`, validator: '"v1"' }))
  await fetchIt()
  expect((await stat(path)).size).toBe(content.length)
})

test.each([404, 403, 410])('download() gives up at once at %s', async (status) => {
  const { fetchIt, requests } = await world((response) => response.writeHead(status).end())
  await expect(fetchIt()).rejects.toThrow(
    new RegExp(`^Cannot download "http://127.*/a\\.zip": the server answered ${status} .*; check the address$`),
  )
  expect(requests).toHaveLength(1)
})

test.each([500, 503, 429])('download() tries again at %s, and then gives up', async (status) => {
  const passing = await world((response, request, n) =>
    n < 3 ? response.writeHead(status, { 'retry-after': '0' }).end() : sendFile(content, response, request),
  )
  await passing.fetchIt()
  await expectContent(passing.path)
  const lasting = await world((response) => response.writeHead(status).end())
  await expect(lasting.fetchIt({ attempts: 3 })).rejects.toThrow(
    new RegExp(`the server answered ${status} .*; try again later$`),
  )
  expect(lasting.requests).toHaveLength(3)
})

test('download() follows redirects, and names a loop of them', async () => {
  const { url } = await serve({
    '/old': (response) => response.writeHead(302, { location: '/new' }).end(),
    '/new': (response, request) => sendFile(content, response, request),
    '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  })
  const path = join(await temporaryFolder(), 'a.zip')
  await download({ url: `${url}/old`, ...published }, path, FAST)
  await expectContent(path)
  const looping = download({ url: `${url}/loop` }, `${path}2`, { ...FAST, attempts: 1 })
  await expect(looping).rejects.toThrow(/the connection failed \(redirect count exceeded\)/)
})

test('download() refuses the page of a proxy', async () => {
  const { fetchIt } = await world((response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Please log in</html>'),
  )
  await expect(fetchIt()).rejects.toThrow(/the answer is a web page, not the file; a proxy or a login page/)
})

test('download() waits for a slow server, and gives up on one that stalls', async () => {
  const slow = await world((response) => {
    response.writeHead(200, { 'content-length': content.length })
    let sent = 0
    const timer = setInterval(() => {
      response.write(content.subarray(sent, sent + 60_000))
      sent += 60_000
      if (sent >= content.length) {
        clearInterval(timer)
        response.end()
      }
    }, 250)
  })
  // a busy machine may hold a piece back for long: the limit is far above the pauses, and below the whole time
  const started = performance.now()
  await slow.fetchIt({ stallMs: 1200 })
  expect(performance.now() - started).toBeGreaterThan(1200)
  await expectContent(slow.path)
  const stalled = await world((response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write('x')
  })
  await expect(stalled.fetchIt({ stallMs: 1000, attempts: 1 })).rejects.toThrow(
    /no byte arrived for 1 s; 1 of 300,000 bytes are in/,
  )
})

test('download() says that nobody answers at the address', async () => {
  const path = join(await temporaryFolder(), 'a.zip')
  const refused = download({ url: 'http://127.0.0.1:9/a.zip' }, path, { ...FAST, attempts: 1 })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/a\.zip": (the server refuses connections|the connection failed .*); try again/)
})

test('download() refuses a file of another size in its place, and a folder that cannot be made', async () => {
  const { path, fetchIt, folder } = await world((response, request) => sendFile(content, response, request))
  await writeFile(join(folder, 'downloads'), '')
  await expect(fetchIt()).rejects.toThrow(/^Cannot write ".*downloads": a part of its path is a file, not a folder$/)
  const other = join(folder, 'b.zip')
  await writeFile(other, 'short')
  await expect(download({ url: 'http://127.0.0.1:9/', bytes: 9 }, other)).rejects.toThrow(
    /^Cannot use ".*b\.zip": it has 5 bytes and should have 9; remove it$/,
  )
  expect(existsSync(path)).toBe(false)
})
