/** A compiled value that holds memory until it is released. */
export interface Releasable {
  release(): void
}

interface Entry<T> {
  readonly loading: Promise<T>
  users: number
}

/**
 * A least-recently-used cache of compiled values, each loaded once and shared. At most `limit` unused values are kept,
 * since each may hold a copy of a model's weights.
 */
export class CompiledCache<T extends Releasable> {
  readonly #limit: number
  /** the least recently used first */
  readonly #entries = new Map<string, Entry<T>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Calls `work` with the value of `key`, which is loaded if it is not cached and not released meanwhile. A failed load
   * is not cached.
   */
  async use<R>(key: string, load: () => Promise<T>, work: (loaded: T) => Promise<R>): Promise<R> {
    const entry = this.#entries.get(key) ?? { loading: load(), users: 0 }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.users += 1
    try {
      return await work(await entry.loading)
    } finally {
      entry.users -= 1
      await this.#tidy(key, entry)
    }
  }

  /** Releases everything, after the loads in progress. */
  async release(): Promise<void> {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.all(entries.map(free))
  }

  /** Removes a failed load, and releases unused entries over the limit. */
  async #tidy(key: string, used: Entry<T>): Promise<void> {
    const failed = await used.loading.then(
      () => false,
      () => true,
    )
    if (failed && this.#entries.get(key) === used) this.#entries.delete(key)
    for (const [old, entry] of this.#entries) {
      if (this.#entries.size <= this.#limit) return
      if (entry.users > 0) continue
      this.#entries.delete(old)
      await free(entry)
    }
  }
}

/** Releases the loaded value, unless the load failed. */
const free = async <T extends Releasable>({ loading }: Entry<T>): Promise<void> => {
  await loading.then(
    (loaded) => loaded.release(),
    () => {},
  )
}
