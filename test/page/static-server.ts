import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

/** A static host of the page. */
export interface StaticServer {
  /** the address of the page */
  readonly url: string
  /** the paths that were asked for, from the folder, and the bytes of each answer */
  readonly served: { readonly path: string; readonly bytes: number }[]
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}

/**
 * Serves a folder as a plain host does: below `prefix`, without a header of its own unless the page is to be cross-origin
 * isolated. `change` may replace an answer.
 */
export async function serveFolder(
  folder: string,
  {
    prefix = '/',
    isolated = false,
    change = (_, bytes) => bytes,
  }: { prefix?: string; isolated?: boolean; change?: (path: string, bytes: Uint8Array) => Uint8Array } = {},
): Promise<StaticServer> {
  const served: { path: string; bytes: number }[] = []
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) || 'index.html' : undefined
    const file = path && join(folder, normalize(decodeURIComponent(path)))
    const bytes = file ? await readFile(file).catch(() => undefined) : undefined
    if (!file || !bytes) {
      response.writeHead(404).end()
      return
    }
    const body = change(path, bytes)
    served.push({ path, bytes: body.length })
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      ...(isolated && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      }),
    })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    served,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
