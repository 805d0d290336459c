import type { Runtime, Session } from '../engine/session.ts'
import type { Batch } from './batches.ts'

/** The sizes that a training step is compiled for. */
export type StepSizes = Pick<Batch, 'steps' | 'regions'>

/**
 * The compiled training steps, one for each number of time steps and of regions; each is compiled when first needed.
 */
export class StepSessions {
  readonly #runtime: Runtime
  readonly #build: (sizes: StepSizes) => Uint8Array
  readonly #sessions = new Map<string, Promise<Session>>()

  /** `build` returns the ONNX model for some sizes. */
  constructor(runtime: Runtime, build: (sizes: StepSizes) => Uint8Array) {
    this.#runtime = runtime
    this.#build = build
  }

  /**
   * Returns the session for some sizes. Throws EngineError if the engine refuses the model; the next call tries again.
   */
  async for({ steps, regions }: StepSizes): Promise<Session> {
    const key = `${steps} ${regions}`
    const known = this.#sessions.get(key)
    if (known) return known
    const loading = this.#runtime.load(this.#build({ steps, regions }))
    loading.catch(() => this.#sessions.delete(key))
    this.#sessions.set(key, loading)
    return loading
  }

  /** Frees the sessions; those that could not be loaded hold nothing. */
  async release(): Promise<void> {
    for (const session of await Promise.allSettled(this.#sessions.values()))
      if (session.status === 'fulfilled') session.value.release()
    this.#sessions.clear()
  }
}
