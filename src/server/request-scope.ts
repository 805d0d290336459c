import type { ByteBudget, ByteLease } from './byte-budget.ts'
import { Failure } from './failure.ts'

/** Why a request is abandoned when its client has closed the connection. Nobody reads the answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'

  constructor() {
    super('The client closed the connection')
  }
}

/** What a request holds while it is answered: bytes of its body, and a signal that aborts its work. */
export class RequestScope {
  readonly lease: ByteLease
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #client: AbortSignal
  #isReceived = false

  /** `client` aborts when the client has gone; the request has `seconds` to be received and answered. */
  constructor(client: AbortSignal, seconds: number, budget: ByteBudget) {
    this.lease = budget.lease()
    this.#client = client
    this.#timer = setTimeout(() => this.#abort(this.#tooSlow(seconds)), 1000 * seconds)
    client.addEventListener('abort', this.#onGone)
    if (client.aborted) this.#onGone()
  }

  /** Aborts with the Failure to answer, or ClientGone. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The body is here: from now on a time limit is the server's fault. */
  received(): void {
    this.#isReceived = true
  }

  /** Gives the request up with 503: the server stops. */
  refuse(): void {
    this.#abort(new Failure(503, 'The server is stopping'))
  }

  /** The result of `work`, or what the signal aborts with, whichever is first. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this
    signal.throwIfAborted()
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    try {
      return await Promise.race([work(), aborted])
    } finally {
      clearTimeout(this.#timer)
      this.#client.removeEventListener('abort', this.#onGone)
      this.lease.end()
    }
  }

  readonly #onGone = (): void => this.#abort(new ClientGone())

  #abort(reason: Error): void {
    this.#controller.abort(reason)
  }

  #tooSlow(seconds: number): Failure {
    return this.#isReceived
      ? new Failure(503, `The picture was not captioned within ${seconds} seconds; try again later`)
      : new Failure(408, `The body was not received within ${seconds} seconds`, { Connection: 'close' })
  }
}
