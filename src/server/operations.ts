import * as v from 'valibot'
import { defineEndpoint, type Endpoint, json } from './endpoint.ts'
import { Failure } from './failure.ts'
import type { ServerMetrics } from './metrics.ts'
import { openApi } from './openapi.ts'
import { STATUS } from './schemas.ts'

/** What the endpoints for operators need to know of a server. */
export interface ServerState {
  readonly metrics: ServerMetrics
  readonly version: string
  /** whether it has been told to stop */
  readonly isStopping: () => boolean
}

/** The endpoints for those who run a server, and the description of it and `others`. */
export function operationEndpoints(
  { metrics, version, isStopping }: ServerState,
  others: readonly Endpoint[],
): readonly Endpoint[] {
  const health = defineEndpoint({
    method: 'GET',
    path: '/healthz',
    dialect: 'mia',
    id: 'health',
    summary: 'Whether the process is alive',
    open: true,
    answer: { description: 'It is', schema: STATUS },
    handle: () => json({ status: 'ok' }),
  })
  const ready = defineEndpoint({
    method: 'GET',
    path: '/readyz',
    dialect: 'mia',
    id: 'ready',
    summary: 'Whether requests are accepted; 503 when the server stops',
    open: true,
    answer: { description: 'They are', schema: STATUS },
    handle: () => {
      if (isStopping()) throw new Failure(503, 'The server is stopping')
      return json({ status: 'ok' })
    },
  })
  const measured = defineEndpoint({
    method: 'GET',
    path: '/metrics',
    dialect: 'mia',
    id: 'metrics',
    summary: "Measurements in Prometheus's text format",
    answer: { description: 'The measurements', types: ['text/plain'] },
    handle: async () => new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } }),
  })
  const description = defineEndpoint({
    method: 'GET',
    path: '/openapi.json',
    dialect: 'mia',
    id: 'openapi',
    summary: 'This description',
    open: true,
    answer: { description: 'OpenAPI 3.1', schema: v.looseObject({ openapi: v.string() }) },
    handle: () => json(document),
  })
  const own = [health, ready, measured, description]
  const document = openApi([...others, ...own], version)
  return own
}
