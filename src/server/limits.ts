/** What a server accepts; everything beyond is refused with a reason. */
export interface ServerLimits {
  /** the largest picture, in bytes of its file */
  readonly bytes: number
  /** the largest picture, in pixels */
  readonly pixels: number
  /** the most parts of a multipart form */
  readonly parts: number
  /** the time to receive a request and answer it, in seconds */
  readonly seconds: number
  /** the most images that wait for a later batch */
  readonly waiting: number
  /** the most bytes of bodies held at a time, of all requests together */
  readonly memory: number
}

/** The limits unless others are given: a phone's photograph of 48 million pixels fits. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  bytes: 20 * 2 ** 20,
  pixels: 50e6,
  parts: 16,
  seconds: 30,
  waiting: 64,
  memory: 256 * 2 ** 20,
}

/** The most bytes that a body may have beside its picture: the headers of parts, prompts, other fields. */
export const EXTRA_BYTES = 64 * 2 ** 10

/** The most brackets and commas of a JSON body: one of nothing else would take a hundred times its size in memory. */
export const MAX_JSON_MARKS = 20_000

/** Seconds after which a client may ask again, for the header Retry-After: a few batches. */
export const RETRY_AFTER = 2

/** Seconds in which a server stops: requests in progress are answered, then refused, then cut off. */
export const STOP_SECONDS = { answer: 7, refuse: 9 } as const
