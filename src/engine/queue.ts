/** submit() on a full queue that refuses: `capacity` items are waiting. A server answers 503. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'

  constructor(readonly capacity: number) {
    super(`The queue is full: ${capacity} items are waiting; try again later`)
  }
}

/** How many items a BatchQueue takes at a time, and how many may wait. */
export interface QueueOptions {
  /** The most items of a batch. */
  readonly batchSize: number
  /** The most items that wait for a later batch; those of the running batch do not count. */
  readonly capacity: number
  /**
   * What submit() does when `capacity` items wait: `wait` for a place, in order, or `refuse` with QueueFullError.
   */
  readonly whenFull: 'wait' | 'refuse'
  /** Called with the number of items of each batch that begins. */
  readonly onBatch?: (items: number) => void
}

/**
 * Processes one batch. Returns a result or an Error for each item, in order; throwing fails the whole batch. `signal`
 * aborts once no caller waits for any of the items.
 */
export type BatchWork<Item, Result> = (
  items: readonly Item[],
  signal: AbortSignal,
) => Promise<readonly (Result | Error)[]>

interface Entry<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(reason: unknown): void
}

/**
 * Collects the items of many callers into batches, in the order of submission, and processes one batch at a time. While
 * a batch runs, the next one fills up: the busier the queue, the larger its batches. An idle queue does not wait for
 * more: it starts a batch with the items submitted in the same turn of the event loop.
 *
 * @example
 * const queue = new BatchQueue(captionBatch, { batchSize: 16, capacity: 64, whenFull: 'refuse' })
 * const caption = await queue.submit(photo, { signal: request.signal })
 */
export class BatchQueue<Item, Result> {
  readonly #work: BatchWork<Item, Result>
  readonly #options: QueueOptions
  /** In order; the entries after the first `capacity` wait for a place. */
  readonly #waiting = new Set<Entry<Item, Result>>()
  /** The batch that runs or forms, without the entries that were aborted. */
  readonly #batch = new Set<Entry<Item, Result>>()
  /**
   * What to do when a signal aborts, for each signal of the entries. Callers may share one, and a signal with more than
   * ten listeners looks like a leak to Node.
   */
  readonly #aborts = new Map<AbortSignal, Set<() => void>>()
  #state: 'idle' | 'forming' | 'running' = 'idle'
  #abandoned = new AbortController()
  #closed: Promise<void> | undefined
  #allDone = () => {}

  /** Throws RangeError if `batchSize` is not a positive integer or `capacity` is negative or not an integer. */
  constructor(work: BatchWork<Item, Result>, options: QueueOptions) {
    const { batchSize, capacity } = options
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`Cannot process batches of ${batchSize} items: batchSize must be a positive integer`)
    if (!(capacity >= 0) || (capacity !== Number.POSITIVE_INFINITY && !Number.isInteger(capacity)))
      throw new RangeError(`Cannot let ${capacity} items wait: capacity must be 0, a positive integer or Infinity`)
    this.#work = work
    this.#options = options
  }

  /** The number of items that wait for a later batch, at most `capacity`. */
  get waiting(): number {
    return Math.min(this.#waiting.size, this.#options.capacity)
  }

  /**
   * Adds an item and returns its result. Rejects with the item's Error, with what `work` threw for its batch, with
   * QueueFullError if the queue is full and refuses, with `signal.reason` as soon as `signal` aborts (a waiting item
   * then frees its place), and with Error after close().
   */
  submit(item: Item, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('Cannot submit an item: the queue is closed')
      signal?.throwIfAborted()
      const { capacity, whenFull } = this.#options
      if (!this.#joinsBatch() && this.#waiting.size >= capacity && whenFull === 'refuse')
        throw new QueueFullError(capacity)
      const abort = () => {
        entry.reject(signal!.reason)
        this.#remove(entry, signal!.reason)
      }
      const settle = signal ? this.#onAbort(signal, abort) : () => {}
      const entry: Entry<Item, Result> = {
        item,
        resolve(result) {
          settle()
          resolve(result)
        },
        reject(reason) {
          settle()
          reject(reason)
        },
      }
      this.#waiting.add(entry)
      this.#form()
    })
  }

  /** Refuses new items and resolves when all items submitted before are done. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#allDone = resolve
      if (this.#state === 'idle') resolve()
    })
    return this.#closed
  }

  /** Calls `abort` when `signal` aborts, by one listener for all calls with a signal. Returns what takes it back. */
  #onAbort(signal: AbortSignal, abort: () => void): () => void {
    let aborts = this.#aborts.get(signal)
    if (!aborts) {
      aborts = new Set()
      this.#aborts.set(signal, aborts)
      signal.addEventListener('abort', this.#abortAll)
    }
    aborts.add(abort)
    return () => {
      aborts.delete(abort)
      if (aborts.size > 0 || this.#aborts.get(signal) !== aborts) return
      this.#aborts.delete(signal)
      signal.removeEventListener('abort', this.#abortAll)
    }
  }

  readonly #abortAll = (event: Event): void => {
    for (const abort of [...(this.#aborts.get(event.target as AbortSignal) ?? [])]) abort()
  }

  #joinsBatch(): boolean {
    return this.#state !== 'running' && this.#batch.size < this.#options.batchSize
  }

  /** Fills the next batch unless one runs, and starts it when the current turn of the event loop has ended. */
  #form(): void {
    for (const entry of this.#waiting) {
      if (!this.#joinsBatch()) break
      this.#waiting.delete(entry)
      this.#batch.add(entry)
    }
    if (this.#state === 'idle' && this.#batch.size > 0) {
      this.#state = 'forming'
      queueMicrotask(() => this.#run())
    }
  }

  async #run(): Promise<void> {
    this.#state = 'running'
    const entries = [...this.#batch]
    this.#abandoned = new AbortController()
    if (entries.length > 0) await this.#process(entries, this.#abandoned.signal)
    this.#batch.clear()
    this.#state = 'idle'
    this.#form()
    if (this.#batch.size === 0) this.#allDone()
  }

  async #process(entries: readonly Entry<Item, Result>[], signal: AbortSignal): Promise<void> {
    try {
      const items = entries.map(({ item }) => item)
      this.#options.onBatch?.(items.length)
      const results = await this.#work(items, signal)
      if (results.length !== items.length)
        throw new Error(`Internal: the batch of ${items.length} items has ${results.length} results`)
      for (const [i, entry] of entries.entries()) {
        const result = results[i]!
        if (result instanceof Error) entry.reject(result)
        else entry.resolve(result)
      }
    } catch (error) {
      for (const entry of entries) entry.reject(error)
    }
  }

  /** Drops an aborted entry: out of the queue, or out of the batch, whose place another entry takes while it forms. */
  #remove(entry: Entry<Item, Result>, reason: unknown): void {
    if (this.#waiting.delete(entry)) return
    this.#batch.delete(entry)
    if (this.#state === 'forming') this.#form()
    else if (this.#batch.size === 0) this.#abandoned.abort(reason)
  }
}
