/** Aborts a request when the caller does, or when no byte has arrived for some time. */
export class StallWatch {
  readonly #stalled = new AbortController()
  readonly #stallMs: number
  /** aborts when the caller does, or when the download stalls */
  readonly signal: AbortSignal
  #timer: NodeJS.Timeout | undefined

  /** Watches from now on; `signal` is the caller's. `stallMs` is the time without a byte, by default a minute. */
  constructor({ signal, stallMs = 60_000 }: { signal?: AbortSignal | undefined; stallMs?: number | undefined }) {
    this.#stallMs = stallMs
    this.signal = signal ? AbortSignal.any([signal, this.#stalled.signal]) : this.#stalled.signal
    this.alive()
  }

  /** Whether no byte arrived in time. */
  get stalled(): boolean {
    return this.#stalled.signal.aborted
  }

  /** What happened, if it stalled. */
  get message(): string {
    return `no byte arrived for ${Math.ceil(this.#stallMs / 1000)} s`
  }

  /** Notes that bytes have arrived. */
  alive(): void {
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#stalled.abort(), this.#stallMs)
  }

  /** Ends the watch. */
  stop(): void {
    clearTimeout(this.#timer)
  }
}
