import { ImageError } from '../engine/pictures.ts'
import { QueueFullError } from '../engine/queue.ts'
import { RETRY_AFTER } from './limits.ts'

/** The statuses of refused requests and what each is called. */
export const STATUS_TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const

/** The status of a refused request. */
export type FailureStatus = keyof typeof STATUS_TITLES

/** Why a request is refused, in words for its sender. */
export class Failure extends Error {
  override readonly name = 'Failure'

  /** `headers` go with the answer; 503 has Retry-After by itself. */
  constructor(
    readonly status: FailureStatus,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    if (status === 503) this.headers = { 'Retry-After': `${RETRY_AFTER}`, ...headers }
  }
}

/**
 * What to tell the sender of a request that threw. Only messages that were written for people outside are passed on:
 * any other error is ours, and its message may name paths.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof ImageError) return new Failure(422, `Cannot read the image: ${error.reason}`)
  if (error instanceof QueueFullError) return new Failure(503, `${error.capacity} images are waiting; try again later`)
  return new Failure(500, 'The server failed; its log has the reason under the id of this request')
}
