import { ALONE, type Communicator } from './communicator.ts'
import { gatherJson } from './messages.ts'

/**
 * The ranks that work on something together, and stop together: Ctrl-C or a launcher's SIGTERM reaches each of them at
 * another moment, or one alone.
 */
export class Team {
  readonly ranks: Communicator
  readonly #together = new AbortController()
  readonly #own: AbortSignal | undefined
  readonly #done = new AbortController()

  /** `signal` is aborted when this rank should stop. */
  constructor(ranks: Communicator = ALONE, signal?: AbortSignal) {
    this.ranks = ranks
    this.#own = signal
    const follow = (first: AbortSignal): void => {
      if (first.aborted) this.#together.abort(first.reason)
      else
        first.addEventListener('abort', () => this.#together.abort(first.reason), {
          once: true,
          signal: this.#done.signal,
        })
    }
    if (ranks.size > 1) follow(ranks.lost)
    else if (signal) follow(signal)
  }

  /** aborted on all ranks at the same point of their work, or as soon as a rank is lost */
  get signal(): AbortSignal {
    return this.#together.signal
  }

  /** Ends the team, after its work: it no longer listens to the signals of the process, which outlive it. */
  release(): void {
    this.#done.abort()
  }

  /** Whether this rank should stop, and has to tell the others. */
  get wantsToStop(): boolean {
    return this.#own?.aborted ?? false
  }

  /** Stops this rank: the ranks have agreed to stop at this point. */
  stop(): void {
    const reason = this.#own?.aborted ? this.#own.reason : new DOMException('Another rank stopped', 'AbortError')
    this.#together.abort(reason)
  }

  /**
   * Does this rank's share of some work and returns the results of all ranks, which JSON can hold, in their order. If
   * one should stop meanwhile, all stop: the promise rejects with the reason of `signal`. The work's own signal is
   * aborted as soon as this rank should stop.
   */
  async each<T>(work: (signal: AbortSignal) => Promise<T>): Promise<readonly T[]> {
    const signal = this.#own ? AbortSignal.any([this.#own, this.signal]) : this.signal
    if (this.ranks.size === 1) return [await work(signal)]
    this.signal.throwIfAborted() // on every rank: one without a share would not notice in its work
    const own = await work(signal).then(
      (result) => [result],
      (error) => {
        if (this.wantsToStop && !this.signal.aborted) return []
        throw error
      },
    )
    const all = await gatherJson(this.ranks, own)
    if (all.some(({ length }) => length === 0)) this.stop()
    this.signal.throwIfAborted()
    return all.flat()
  }
}
