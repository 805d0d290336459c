/** The callback of a foreign function that is called on another thread: why the call failed, or its status. */
export type EndOfCall = (failure: unknown, status: bigint | number) => void

/** Asynchronous calls of foreign functions: at most `atOnce` are in progress, the others wait in order. */
export class AsyncCalls {
  readonly #atOnce: number
  /** What the calls that have not ended use: keeps it from the garbage collector. */
  readonly #inUse = new Set<readonly unknown[]>()
  readonly #waiting: (() => void)[] = []
  #inProgress = 0

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /**
   * Calls `start` at its turn and returns the status that it gives its callback. Keeps `inUse` from the garbage
   * collector until then, also if `start` keeps nothing. Rejects if `start` throws or the call fails.
   */
  run(start: (end: EndOfCall) => unknown, inUse: readonly unknown[]): Promise<bigint | number> {
    return new Promise((resolve, reject) => {
      const end: EndOfCall = (failure, status) => {
        this.#inUse.delete(inUse)
        this.#next()
        if (failure) reject(failure)
        else resolve(status)
      }
      const begin = () => {
        try {
          start(end)
        } catch (error) {
          queueMicrotask(() => end(error, 0))
        }
      }
      this.#inUse.add(inUse)
      if (this.#inProgress === this.#atOnce) this.#waiting.push(begin)
      else {
        this.#inProgress += 1
        begin()
      }
    })
  }

  /** Gives the turn of a call that has ended to the one that has waited longest. */
  #next(): void {
    const begin = this.#waiting.shift()
    if (begin) begin()
    else this.#inProgress -= 1
  }
}
