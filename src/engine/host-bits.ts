import type { HostValue } from '../formats/host-value.ts'
import { type HostPart, sizeFeeds } from './host-part.ts'
import type { HostValues, Session, Value } from './session.ts'

/** The host part of a model, compiled for the processor. */
export class HostBits {
  /** the inputs of the whole model that it needs, those included of which it needs the size alone */
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #part: HostPart
  readonly #session: Session

  /** `session` is the compiled model of the part, and is released with it. */
  constructor(part: HostPart, session: Session) {
    this.inputNames = [...new Set([...part.inputs, ...part.sizes.map(({ of }) => of)])]
    this.outputNames = session.outputNames
    this.#part = part
    this.#session = session
  }

  /** Computes what the rest of the model takes from it, from the feeds of the whole model. */
  async run(feed: (name: string) => Value): Promise<HostValues> {
    const feeds: Record<string, HostValue> = sizeFeeds(this.#part, feed)
    for (const name of this.#part.inputs) {
      const value = feed(name)
      feeds[name] = 'data' in value ? value : await value.read()
    }
    return this.#session.run(feeds)
  }

  /** Frees it, once the runs in progress have ended. */
  release(): void {
    this.#session.release()
  }
}
