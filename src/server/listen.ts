import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { describeErrno, errorCode } from '../disk/errno.ts'
import { UserError } from '../errors.ts'
import type { App } from './app.ts'
import { STOP_SECONDS } from './limits.ts'

/** Where to listen. */
export interface ListenOptions {
  /** the name or address of an interface of this machine */
  readonly host: string
  /** 0 for any that is free */
  readonly port: number
  /** the time limit of a request, in seconds */
  readonly seconds: number
}

/** A server that accepts connections. */
export interface Listening {
  readonly url: string
  /** Stops within ten seconds: answers what is in progress, then refuses it, then closes all connections. */
  stop(): Promise<void>
}

/**
 * How long an idle connection is kept, in milliseconds: longer than proxies and clients keep it, which is a minute at
 * most. They close first then, so that none of their requests crosses a close.
 */
const KEEP_ALIVE = 65_000

/** The most connections at a time: each takes some 10 kB. */
const MAX_CONNECTIONS = 4096

/** Accepts connections for an app. Throws UserError if it cannot listen there. */
export async function listen(app: App, { host, port, seconds }: ListenOptions): Promise<Listening> {
  const malformed = async (): Promise<Response> => new Response(null, { status: 400 })
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: malformed })
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 1000 * (seconds + 10), // the app answers before; this closes what does not even read
      keepAliveTimeout: KEEP_ALIVE,
      connectionsCheckingInterval: 2000,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = 1000 * (seconds + 15) // a client that does not read its answer
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenFault(error, host, port)))
    server.listen(port, host, resolve)
  })
  return { url: urlOf(server), stop: () => stopServer(server, app) }
}

async function stopServer(server: Server, app: App): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  app.stop()
  server.closeIdleConnections()
  const refusing = setTimeout(() => app.refuseAll(), 1000 * STOP_SECONDS.answer)
  const cutting = setTimeout(() => server.closeAllConnections(), 1000 * STOP_SECONDS.refuse)
  await app.idle()
  server.closeIdleConnections()
  await closed
  clearTimeout(refusing)
  clearTimeout(cutting)
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`
}

function listenFault(error: unknown, host: string, port: number): Error {
  const code = errorCode(error)
  const why =
    code === 'EADDRINUSE'
      ? 'another program uses the port; give another with --port'
      : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
        ? 'it is no address of this machine; give one with --host'
        : (describeErrno(error) ?? (error as Error).message)
  return new UserError(`Cannot listen at ${host}:${port}: ${why}`)
}
