import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import type { Endpoint } from './endpoint.ts'
import { dialectOf, failureResponse } from './errors.ts'
import { Failure, failureOf } from './failure.ts'
import { checkHost, mayUse } from './guard.ts'
import type { LogRecord } from './log.ts'
import type { ServerMetrics } from './metrics.ts'
import { NATIVE_ENDPOINTS } from './native.ts'
import { OLLAMA_ENDPOINTS } from './ollama.ts'
import { OPENAI_ENDPOINTS } from './openai.ts'
import { operationEndpoints } from './operations.ts'
import { pageFiles, type ServedPage } from './page.ts'
import { receive } from './receive.ts'
import { ClientGone, RequestScope } from './request-scope.ts'
import type { Service } from './service.ts'
import { welcomePage } from './welcome-page.ts'

/** How a server answers. */
export interface AppOptions {
  readonly service: Service
  readonly metrics: ServerMetrics
  readonly log: (record: LogRecord) => void
  /** names in the header Host beside localhost and addresses */
  readonly hosts?: readonly string[]
  /** origins whose pages may use the API */
  readonly origins?: readonly string[]
  /** what clients must send as a bearer token */
  readonly token?: string | undefined
  /** the page at `/` */
  readonly page?: ServedPage | undefined
}

/** A server without its sockets. */
export interface App {
  /** Answers a request. */
  readonly fetch: (request: Request, env?: unknown) => Response | Promise<Response>
  /** Refuses new requests from now on, and closes each connection with its answer. */
  stop(): void
  /** Answers the requests in progress with 503. */
  refuseAll(): void
  /** Resolves when no request is in progress. */
  idle(): Promise<void>
}

type Env = { Variables: { requestId: string; endpoint: Endpoint | undefined } }

const API_POLICY = "default-src 'none'; frame-ancestors 'none'"
/** The page loads nothing from elsewhere; its networks are WebAssembly in workers, its pictures blobs. */
const PAGE_POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self' blob: data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Makes the server's handler: guards, endpoints, page. */
export function createApp(options: AppOptions): App {
  const { service, metrics, log, hosts = [], origins = [], token, page } = options
  const scopes = new Set<RequestScope>()
  let isStopping = false
  let onIdle = (): void => {}
  const app = new Hono<Env>()

  app.use(requestId({ limitLength: 64 }))
  app.use(async (c, next) => {
    const start = performance.now()
    metrics.began()
    await next()
    const seconds = (performance.now() - start) / 1000
    if (isStopping) c.header('Connection', 'close')
    metrics.ended(c.req.method, c.get('endpoint')?.path ?? 'other', c.res.status, seconds)
    log(requestRecord(c, seconds))
  })
  app.use(
    secureHeaders({
      strictTransportSecurity: false, // for the proxy that has the certificate to say
      crossOriginEmbedderPolicy: 'require-corp', // with the opener policy: threads for the page's WebAssembly
      xFrameOptions: 'DENY',
    }),
  )
  app.use(async (c, next) => {
    await next()
    const isPage = c.get('endpoint') === undefined && c.res.status < 400
    c.header('Content-Security-Policy', isPage ? PAGE_POLICY : API_POLICY)
    c.header('Cache-Control', isPage ? 'no-cache' : 'no-store')
    c.header('X-Request-Id', c.get('requestId'))
  })
  app.use(async (c, next) => {
    const host = c.req.header('host') ?? null
    checkHost(host, hosts)
    if (!mayUse(c.req.header('origin') ?? null, host, origins))
      throw new Failure(403, 'Pages of other sites may not use this server; allow an origin with --allow-origin')
    await next()
  })
  if (origins.length > 0)
    app.use(
      cors({ origin: [...origins], allowMethods: ['GET', 'POST'], allowHeaders: ['Content-Type', 'Authorization'] }),
    )

  const api = [...NATIVE_ENDPOINTS, ...OLLAMA_ENDPOINTS, ...OPENAI_ENDPOINTS]
  const state = { metrics, version: service.version, isStopping: () => isStopping }
  const endpoints = [...api, ...operationEndpoints(state, api)]
  for (const endpoint of endpoints) {
    const named: MiddlewareHandler = async (c, next) => {
      c.set('endpoint', endpoint)
      if (isStopping && !endpoint.open) throw new Failure(503, 'The server is stopping')
      await next()
    }
    const guards: MiddlewareHandler[] = token !== undefined && !endpoint.open ? [bearerAuth({ token })] : []
    app.on(endpoint.method, endpoint.path, named, ...guards, (c) => {
      const scope = new RequestScope(c.req.raw.signal, service.limits.seconds, service.budget)
      scopes.add(scope)
      return scope
        .run(async () => {
          const { query, body } = await receive(c.req.raw, endpoint, service, scope)
          return endpoint.handle({ service, query, body, id: c.get('requestId'), signal: scope.signal })
        })
        .finally(() => {
          scopes.delete(scope)
          if (scopes.size === 0) onIdle()
        })
    })
    app.all(endpoint.path, () => {
      const allowed = endpoints.filter(({ path }) => path === endpoint.path).map(({ method }) => method)
      throw new Failure(405, `Send a ${allowed.join(' or ')} here`, { Allow: allowed.join(', ') })
    })
  }

  if (page) app.use(pageFiles(page))
  else app.get('/', (c) => c.html(welcomePage(service.model)))

  app.notFound((c) =>
    failureResponse(new Failure(404, 'There is nothing here'), dialectOf(c.req.path), c.get('requestId')),
  )
  app.onError((error, c) => {
    if (error instanceof ClientGone) return new Response(null, { status: 499 })
    const failure = error instanceof HTTPException ? unauthorized(error) : failureOf(error)
    return failureResponse(failure, c.get('endpoint')?.dialect ?? dialectOf(c.req.path), c.get('requestId'))
  })

  return {
    fetch: (request, env) => app.fetch(request, env as object),
    stop: () => {
      isStopping = true
    },
    refuseAll: () => {
      for (const scope of scopes) scope.refuse()
    },
    idle: () =>
      new Promise((resolve) => {
        onIdle = resolve
        if (scopes.size === 0) resolve()
      }),
  }
}

/** What hono's check of the token found. */
function unauthorized(error: HTTPException): Failure {
  const challenge = error.getResponse().headers.get('www-authenticate') ?? 'Bearer'
  return new Failure(401, 'The header Authorization must have the token of this server: "Bearer TOKEN"', {
    'WWW-Authenticate': challenge,
  })
}

/** The longest path in the log: a request's may have thousands of characters. */
const MAX_LOGGED_PATH = 200

function requestRecord(c: Context<Env>, seconds: number): LogRecord {
  const { status } = c.res
  const failure = c.error && failureOf(c.error)
  return {
    level: status === 503 ? 'warn' : status >= 500 ? 'error' : 'info',
    message: 'request',
    request: c.get('requestId'),
    method: c.req.method,
    path: c.req.path.slice(0, MAX_LOGGED_PATH),
    status,
    milliseconds: Math.round(1000 * seconds),
    ...(failure &&
      (status === 500 ? { error: `${c.error?.stack}` } : status === failure.status && { reason: failure.message })),
  }
}
