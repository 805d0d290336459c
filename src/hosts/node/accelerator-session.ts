import { compileParts, type HostPartSession, inputsOfParts } from '../../engine/host-part-session.ts'
import type { DeviceValues, HostValues, RunOptions, Session, Value, Values } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { Accelerator, Input, Output } from './accelerator.ts'
import { AcceleratorValue } from './accelerator-value.ts'
import { knownOutputs, NodeSession, own } from './session.ts'

/** A model compiled for a GPU; the processor computes its host part. Its methods are those of Session. */
export class AcceleratorSession implements Session {
  readonly onDevice = true as const
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #accelerator: Accelerator
  readonly #hostPart: HostPartSession | undefined
  /** the inputs of the device's part that are not computed by the host part */
  readonly #given: readonly string[]
  #session: bigint
  #released = false

  private constructor(accelerator: Accelerator, session: bigint, hostPart?: HostPartSession) {
    const { environment } = accelerator
    this.#accelerator = accelerator
    this.#session = session
    this.#hostPart = hostPart
    const { given, all } = inputsOfParts(environment.sessionNames(session, 'Input'), hostPart)
    this.#given = given
    this.inputNames = all
    this.outputNames = environment.sessionNames(session, 'Output')
  }

  static async load(accelerator: Accelerator, model: Uint8Array): Promise<AcceleratorSession> {
    const { device, hostPart } = await compileParts(
      model,
      (part) => NodeSession.load(accelerator.environment, part),
      (part) => accelerator.compile(part),
    )
    return new AcceleratorSession(accelerator, device, hostPart)
  }

  async run(feeds: Values, { into = {}, wanted = this.outputNames }: RunOptions = {}): Promise<HostValues> {
    const { environment } = this.#accelerator
    const targets = wanted.map((name) => own(into, name))
    const handles = await this.#run(
      feeds,
      wanted.map((name, i) =>
        targets[i] ? { name, handle: environment.handle(targets[i]) } : { name, memory: environment.hostMemory },
      ),
      targets,
    )
    try {
      return Object.fromEntries(wanted.map((name, i) => [name, targets[i] ?? environment.copy(handles[i]!)]))
    } finally {
      // also those of the targets: the binding counts its own references
      for (const handle of handles) environment.releaseValue(handle)
    }
  }

  async runOnDevice(
    feeds: Values,
    wanted: readonly string[] = this.outputNames,
    toRead: readonly string[] = [],
  ): Promise<DeviceValues> {
    const accelerator = this.#accelerator
    const isCopied = (name: string): boolean => toRead.includes(name)
    const handles = await this.#run(
      feeds,
      wanted.map((name) => ({
        name,
        memory: isCopied(name) ? accelerator.environment.hostMemory : accelerator.memory,
      })),
      [],
    )
    return Object.fromEntries(
      wanted.map((name, i) => [name, new AcceleratorValue(accelerator, handles[i]!, isCopied(name))]),
    )
  }

  /** Runs the model. Returns the OrtValues of the outputs, which the caller releases; `targets` own those given. */
  async #run(
    feeds: Values,
    outputs: readonly Output[],
    targets: readonly (HostValue | undefined)[],
  ): Promise<readonly bigint[]> {
    if (this.#released) throw new Error('Internal: the session was released')
    knownOutputs(
      this.outputNames,
      outputs.map(({ name }) => name),
    )
    const accelerator = this.#accelerator
    const used: AcceleratorValue[] = []
    const hostValues: HostValue[] = []
    const feed = (name: string): Value => {
      const value = own(feeds, name)
      if (!value) throw new Error(`Internal: the model's input "${name}" is missing from the feeds`)
      return value
    }
    const ofHost = (name: string, value: HostValue): Input => {
      const given = accelerator.prepared(value)
      hostValues.push(given)
      return { name, handle: accelerator.environment.handle(given) }
    }
    try {
      const inputs = this.#given.map((name) => {
        const value = feed(name)
        if ('data' in value) return ofHost(name, value)
        if (!(value instanceof AcceleratorValue && value.isOn(accelerator)))
          throw new Error(`Internal: the value for the input "${name}" belongs to another runtime`)
        const handle = value.use()
        used.push(value)
        return { name, handle }
      })
      const computed = this.#hostPart
        ?.run(feed)
        .then((values) => Object.entries(values).map(([name, value]) => ofHost(name, value)))
      computed?.catch(() => {}) // it is awaited when the device's turn comes, perhaps after it has failed
      return await accelerator.run(this.#session, inputs, outputs, [this, hostValues, used, targets], computed)
    } finally {
      for (const value of used) value.endUse()
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#hostPart?.release()
    // in turn: after the runs that were asked for before
    void this.#accelerator.inTurn(async () => this.#accelerator.environment.api.plain('ReleaseSession', this.#session))
  }
}
