import type { Dialect } from './endpoint.ts'
import { type Failure, STATUS_TITLES } from './failure.ts'

/** The answer to a refused request, in the form that the clients of a dialect read. */
export function failureResponse(failure: Failure, dialect: Dialect, id: string): Response {
  const { status, message, headers } = failure
  const isProblem = dialect === 'mia'
  return new Response(JSON.stringify(FORMS[dialect](failure, message, id)), {
    status,
    headers: { 'Content-Type': isProblem ? 'application/problem+json' : 'application/json', ...headers },
  })
}

const FORMS: Readonly<Record<Dialect, (failure: Failure, message: string, id: string) => object>> = {
  mia: ({ status }, detail, request) => ({ title: STATUS_TITLES[status], status, detail, request }),
  ollama: (_, error) => ({ error }),
  openai: ({ status }, message) => {
    const type = status < 500 ? 'invalid_request_error' : 'server_error'
    return { error: { message, type, param: null, code: null } }
  },
}

/** The dialect of a path without an endpoint. */
export const dialectOf = (path: string): Dialect =>
  path.startsWith('/api/') ? 'ollama' : /^\/v1\/(chat|models)\b/.test(path) ? 'openai' : 'mia'
