// Keeps the files of the page, so that it opens without a network. The captioner's files are kept by its loader.

/** The parts of a service worker's scope that are used here; TypeScript's DOM library has none of them. */
interface Scope {
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void
  addEventListener(type: 'fetch', listener: (event: Extendable & Fetched) => void): void
  skipWaiting(): Promise<void>
  readonly clients: { claim(): Promise<void> }
  readonly registration: { readonly scope: string }
}
interface Extendable {
  waitUntil(done: Promise<unknown>): void
}
interface Fetched {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

/** The page's files and a hash of their contents, which the build fills in. */
declare const FILES: readonly string[]
declare const VERSION: string

const scope = self as unknown as Scope
const PREFIX = 'mia-page-'
const CACHE = `${PREFIX}${VERSION}`

scope.addEventListener('install', (event) => {
  const keep = async (): Promise<void> => {
    const cache = await caches.open(CACHE)
    await cache.addAll(FILES.map((file) => new Request(file, { cache: 'no-cache' })))
    await scope.skipWaiting()
  }
  event.waitUntil(keep())
})

scope.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    const names = await caches.keys()
    await Promise.all(
      names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
    )
    await scope.clients.claim()
  }
  event.waitUntil(tidy())
})

scope.addEventListener('fetch', (event) => {
  const { request } = event
  const path = pathInScope(request.url)
  if (request.method !== 'GET' || path === undefined || path.startsWith('model/')) return
  event.respondWith(answer(request, path))
})

/** The path of an address below the page's folder; undefined for any other. */
const pathInScope = (address: string): string | undefined => {
  const { origin, pathname } = new URL(address)
  const folder = scope.registration.scope
  return `${origin}${pathname}`.startsWith(folder) ? `${origin}${pathname}`.slice(folder.length) : undefined
}

/** A file from the cache, or else from the network; ONNX Runtime's are kept when they are first asked for. */
async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE)
  const address = new URL(path === '' ? 'index.html' : path, scope.registration.scope).href
  const kept = await cache.match(address)
  if (kept) return isolated(kept)
  const response = await fetch(request)
  if (response.ok && path.startsWith('ort/')) await cache.put(address, response.clone())
  return isolated(response)
}

/**
 * The response with headers that isolate the page from others, so that WebAssembly may use threads also on hosts that
 * cannot send them; a page has them from its second visit on.
 */
function isolated(response: Response): Response {
  const headers = new Headers(response.headers)
  headers.set('cross-origin-opener-policy', 'same-origin')
  headers.set('cross-origin-embedder-policy', 'require-corp')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}
