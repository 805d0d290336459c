import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkHost, mayUse } from '../../src/server/guard.ts'
import { temporaryFolder } from '../support/folder.ts'
import { plainPng } from './pictures.ts'
import { serverOfTest } from './support.ts'

describe('the header Host', () => {
  test.each([
    '127.0.0.1:8080',
    'localhost',
    'LOCALHOST:80',
    'mia.localhost:8080',
    '[::1]:8080',
    '192.168.1.7:9000',
    'captions.lan:8080',
    'captions.lan.',
  ])('%s is a name of this server', (host) => checkHost(host, ['captions.lan']))

  test.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example', 'notlocalhost'])(
    '%s is not',
    (host) => expect(() => checkHost(host, ['captions.lan'])).toThrow('is not a name of this server'),
  )

  test.each([null, '', 'a b', 'localhost@evil.example', 'user:pass@localhost:80', 'localhost:99999999'])(
    '%s is malformed',
    (host) => expect(() => checkHost(host, [])).toThrow('missing or malformed'),
  )
})

test('a page may use its own server, and those that allow it', () => {
  expect(mayUse(null, '127.0.0.1:8080', [])).toBe(true)
  expect(mayUse('http://127.0.0.1:8080', '127.0.0.1:8080', [])).toBe(true)
  expect(mayUse('http://127.0.0.1:9999', '127.0.0.1:8080', [])).toBe(false)
  expect(mayUse('https://example.org', '127.0.0.1:8080', ['https://example.org'])).toBe(true)
  expect(mayUse('https://example.org.evil', '127.0.0.1:8080', ['https://example.org'])).toBe(false)
  expect(mayUse('null', '127.0.0.1:8080', [])).toBe(false)
})

/** Status and headers of a request whose Host is not the address. */
const asking = (url: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode!)
    })
      .on('error', reject)
      .end()
  })

test('another Host is refused at every path, and a page of another site', async () => {
  const server = await serverOfTest({ allowHost: ['Captions.lan'] })
  for (const path of ['/', '/healthz', '/v1/models', '/nothing']) {
    expect(await asking(server.at(path), { Host: 'rebound.example' })).toBe(421)
    expect(await asking(server.at(path), { Origin: 'https://evil.example' })).toBe(403)
  }
  expect(await asking(server.at('/healthz'), { Host: 'captions.lan' })).toBe(200)
})

test('CORS is off, and on for the origins that are named', async () => {
  const preflight = (url: string, origin: string) =>
    fetch(url, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } })
  const closed = await serverOfTest()
  const refused = await preflight(closed.at('/v1/caption'), 'https://example.org')
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
  const open = await serverOfTest({ allowOrigin: ['https://example.org'] })
  const granted = await preflight(open.at('/v1/caption'), 'https://example.org')
  expect([granted.status, granted.headers.get('access-control-allow-origin')]).toEqual([204, 'https://example.org'])
  const answer = await fetch(open.at('/v1/models'), { headers: { Origin: 'https://example.org' } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://example.org')
})

test('with a token, the API needs it and the rest does not', async () => {
  const token = 'a'.repeat(32)
  const server = await serverOfTest({ token })
  const status = async (path: string, headers = {}) => (await fetch(server.at(path), { headers })).status
  for (const path of ['/v1/models', '/api/tags', '/metrics']) {
    expect(await status(path)).toBe(401)
    expect(await status(path, { Authorization: 'Bearer wrong' })).toBe(401)
    expect(await status(path, { Authorization: 'a a a' })).toBe(401)
    expect(await status(path, { Authorization: `Bearer ${token}` })).toBe(200)
  }
  for (const path of ['/', '/healthz', '/readyz', '/openapi.json']) expect(await status(path)).toBe(200)
  const { error } = await (await fetch(server.at('/v1/models'))).json()
  expect(error).toMatchObject({ type: 'invalid_request_error', message: expect.stringContaining('Authorization') })
  const response = await fetch(server.at('/v1/caption'), { method: 'POST', body: new Uint8Array(await plainPng(1)) })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm=""'])
})

test('nothing that is sent comes back as HTML or a header, and no answer names a path or a stack', async () => {
  const server = await serverOfTest()
  const evil = '<script>alert(1)</script>'
  const answers = await Promise.all([
    fetch(server.at(`/${encodeURIComponent(evil)}`)),
    fetch(server.at(`/v1/caption?${encodeURIComponent(evil)}=1`), { method: 'POST', body: 'x' }),
    fetch(server.at('/v1/caption'), { method: 'POST', body: evil, headers: { 'X-Request-Id': `${evil}` } }),
    fetch(server.at('/api/generate'), { method: 'POST', body: JSON.stringify({ model: evil }) }),
    fetch(server.at('/%2e%2e/%2e%2e/etc/passwd')),
    fetch(server.at('/api/generate'), { method: 'POST', body: '{"__proto__": {"model": 1}}' }),
  ])
  for (const answer of answers) {
    expect(answer.headers.get('content-type')).toMatch(/json/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('x-request-id')).not.toContain('<')
    expect(await answer.text()).not.toMatch(/node_modules|\/src\/|\.ts:|\n\s+at /)
  }
})

test('a folder is served as the page, and nothing outside it', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, '..', 'outside.txt'), 'secret')
  const { mkdir } = await import('node:fs/promises')
  await mkdir(join(folder, 'web'))
  await writeFile(join(folder, 'web/index.html'), '<!doctype html><title>The page</title>')
  await writeFile(join(folder, 'web/app.js'), 'let a')
  await writeFile(join(folder, 'secret.txt'), 'secret')
  const server = await serverOfTest({ page: join(folder, 'web') })
  const page = await fetch(server.at('/'))
  expect(await page.text()).toContain('The page')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self' 'wasm-unsafe-eval'")
  expect((await fetch(server.at('/app.js'))).headers.get('content-type')).toMatch(/javascript/)
  for (const path of [
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '//secret.txt',
    '/web/../../secret.txt',
  ])
    expect((await fetch(`${server.url.slice(0, -1)}${path}`)).status).toBe(404)
  expect((await fetch(server.at('/healthz'))).status).toBe(200)
})
