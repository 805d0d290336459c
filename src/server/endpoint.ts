import type * as v from 'valibot'
import type { Service } from './service.ts'

/** A request to an endpoint, and what its handler may use. */
export interface Call<Query = unknown, Body = unknown> {
  readonly service: Service
  /** the parameters of the query, as its schema parsed them */
  readonly query: Query
  /** the JSON body, as its schema parsed it; the bytes of the picture for an endpoint that takes one */
  readonly body: Body
  /** the id of the request in the log and in the header X-Request-Id */
  readonly id: string
  /** aborts when the client has gone or the time is over, with the Failure to answer */
  readonly signal: AbortSignal
}

/** The forms of answers and errors: ours, Ollama's and OpenAI's. */
export type Dialect = 'mia' | 'ollama' | 'openai'

/** An object schema whose values are strings on the wire. */
export type QuerySchema = v.ObjectSchema<v.ObjectEntries, undefined>

/** An answer in the API's description: JSON of a schema unless it says another type. */
export interface DescribedAnswer {
  readonly description: string
  readonly schema?: v.GenericSchema
  /** media types beside JSON, such as a stream of it */
  readonly types?: readonly string[]
}

/** One operation of the API. It is what the router calls and what openapi.json describes. */
export interface Endpoint<Q = unknown, B = unknown> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly dialect: Dialect
  /** its name in generated clients */
  readonly id: string
  readonly summary: string
  readonly description?: string
  /** answered without a token, and while the server stops */
  readonly open?: true
  readonly query?: QuerySchema
  /** the schema of a JSON body, or `picture` for an image: raw bytes or a multipart form */
  readonly body?: v.GenericSchema | 'picture'
  readonly answer: DescribedAnswer
  readonly handle: (call: Call<Q, B>) => Promise<Response> | Response
}

type QueryOf<S> = S extends QuerySchema ? v.InferOutput<S> : undefined
type BodyOf<S> = S extends 'picture' ? Buffer : S extends v.GenericSchema ? v.InferOutput<S> : undefined

/** Declares an endpoint; the types that its handler gets follow from the schemas. */
export const defineEndpoint = <
  const Q extends QuerySchema | undefined = undefined,
  const B extends v.GenericSchema | 'picture' | undefined = undefined,
>(
  endpoint: Omit<Endpoint, 'query' | 'body' | 'handle'> & {
    readonly query?: Q
    readonly body?: B
    readonly handle: (call: Call<QueryOf<Q>, BodyOf<B>>) => Promise<Response> | Response
  },
): Endpoint => endpoint as unknown as Endpoint

/** An answer of JSON. */
export const json = (value: unknown, init: ResponseInit = {}): Response => {
  const headers = new Headers(init.headers)
  headers.set('Content-Type', 'application/json')
  return new Response(JSON.stringify(value), { ...init, headers })
}
