import { thousands } from '../wording.ts'
import type { ByteLease } from './byte-budget.ts'
import { Failure } from './failure.ts'
import { MAX_JSON_MARKS } from './limits.ts'

/** How to receive a body. */
export interface BodyOptions {
  /** the most bytes that it may have */
  readonly most: number
  readonly lease: ByteLease
  /** aborts with what to throw */
  readonly signal: AbortSignal
}

/**
 * The bytes of a request's body. Throws Failure for one that is too large, as soon as its length is known, and
 * `signal.reason` when the signal aborts.
 */
export async function readBody(request: Request, { most, lease, signal }: BodyOptions): Promise<Buffer> {
  const refuse = (): never => {
    throw new Failure(413, `The body has more than ${thousands(most)} bytes, the most that is accepted`)
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') throw new Failure(415, 'The body is compressed; send it as it is')
  if (Number(request.headers.get('content-length') ?? 0) > most) refuse()
  const reader = request.body?.getReader()
  if (!reader) return Buffer.alloc(0)
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return Buffer.concat(chunks, length)
      length += value.length
      if (length > most) refuse()
      lease.add(value.length)
      chunks.push(value)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    throw new Failure(400, 'The body ended too early')
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** The longest that a body is received to be dropped, in milliseconds. */
const DROP_PATIENCE = 5000

/**
 * Receives a body of at most `most` bytes and drops it, for at most five seconds: a client that is still sending when
 * the connection closes loses the answer. Throws `signal.reason` when the signal aborts.
 */
export async function dropBody(request: Request, { most, signal }: Omit<BodyOptions, 'lease'>): Promise<void> {
  const reader = request.body?.getReader()
  if (!reader || Number(request.headers.get('content-length') ?? 0) > most) return
  const cancel = (): void => void reader.cancel().catch(() => {})
  const timer = setTimeout(cancel, DROP_PATIENCE)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for (let length = 0; length <= most; ) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.length
    }
  } catch {
    // the answer is the same for a body that breaks off
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
    signal.throwIfAborted()
  }
}

const [COMMA, OPEN_LIST, OPEN_OBJECT] = [...',[{'].map((mark) => mark.charCodeAt(0))

/** The value of a JSON body. Throws Failure for anything else, and for more brackets and commas than a request has. */
export function parseJson(bytes: Uint8Array): unknown {
  let marks = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) marks++
  }
  if (marks > MAX_JSON_MARKS)
    throw new Failure(413, `The body has more than ${thousands(MAX_JSON_MARKS)} values, the most that are accepted`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Failure(400, 'The body is not JSON')
  }
}
