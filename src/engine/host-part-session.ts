import type { HostValue } from '../formats/host-value.ts'
import { type HostPart, sizeFeeds, splitHostPart } from './host-part.ts'
import type { HostValues, Session, Value } from './session.ts'

/** The host part of a model, compiled for the processor. */
export class HostPartSession {
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
      // to read it would wait for the turn of the very run that waits for this
      if (!('data' in value)) throw new Error(`Internal: the host part's input "${name}" is on the device`)
      feeds[name] = value
    }
    return this.#session.run(feeds)
  }

  /** Frees it, once the runs in progress have ended. */
  release(): void {
    this.#session.release()
  }
}

/** A model of which a device computes a part. */
export interface CompiledParts<Compiled> {
  /** the device's part */
  readonly device: Compiled
  /** undefined if the device computes all */
  readonly hostPart: HostPartSession | undefined
}

/**
 * Compiles a model for a device: its host part, if it has one, by `loadHost`, and the rest by `compile`. Throws what
 * these throw; nothing is left compiled then.
 */
export async function compileParts<Compiled>(
  model: Uint8Array,
  loadHost: (model: Uint8Array) => Promise<Session>,
  compile: (model: Uint8Array) => Promise<Compiled>,
): Promise<CompiledParts<Compiled>> {
  const { device, host } = splitHostPart(model)
  const hostPart = host && new HostPartSession(host, await loadHost(host.model))
  try {
    return { device: await compile(device), hostPart }
  } catch (error) {
    hostPart?.release()
    throw error
  }
}

/** The inputs of the device's part that the host part does not compute, and those of the whole model. */
export function inputsOfParts(
  device: readonly string[],
  hostPart: HostPartSession | undefined,
): { readonly given: readonly string[]; readonly all: readonly string[] } {
  const given = device.filter((name) => !hostPart?.outputNames.includes(name))
  return { given, all: [...new Set([...given, ...(hostPart?.inputNames ?? [])])] }
}
