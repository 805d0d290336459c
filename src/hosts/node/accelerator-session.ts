import type { DeviceValues, HostValues, RunOptions, Session, Values } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { Accelerator, Output } from './accelerator.ts'
import { AcceleratorValue } from './accelerator-value.ts'
import { knownOutputs, own } from './session.ts'

/** A model compiled for a GPU. Its methods are those of Session. */
export class AcceleratorSession implements Session {
  readonly onDevice = true as const
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #accelerator: Accelerator
  #session: bigint
  #released = false

  private constructor(accelerator: Accelerator, session: bigint) {
    this.#accelerator = accelerator
    this.#session = session
    this.inputNames = accelerator.environment.sessionNames(session, 'Input')
    this.outputNames = accelerator.environment.sessionNames(session, 'Output')
  }

  static async load(accelerator: Accelerator, model: Uint8Array): Promise<AcceleratorSession> {
    return new AcceleratorSession(accelerator, await accelerator.compile(model))
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

  async runOnDevice(feeds: Values, wanted: readonly string[] = this.outputNames): Promise<DeviceValues> {
    const accelerator = this.#accelerator
    const handles = await this.#run(
      feeds,
      wanted.map((name) => ({ name, memory: accelerator.memory })),
      [],
    )
    return Object.fromEntries(wanted.map((name, i) => [name, new AcceleratorValue(accelerator, handles[i]!)]))
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
    try {
      const inputs = this.inputNames.map((name) => {
        const value = own(feeds, name)
        if (!value) throw new Error(`Internal: the model's input "${name}" is missing from the feeds`)
        if ('data' in value) {
          const given = accelerator.prepared(value)
          hostValues.push(given)
          return { name, handle: accelerator.environment.handle(given) }
        }
        if (!(value instanceof AcceleratorValue && value.isOn(accelerator)))
          throw new Error(`Internal: the value for the input "${name}" belongs to another runtime`)
        const handle = value.use()
        used.push(value)
        return { name, handle }
      })
      return await accelerator.run(this.#session, inputs, outputs, [this, hostValues, used, targets])
    } finally {
      for (const value of used) value.endUse()
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    // in turn: after the runs that were asked for before
    void this.#accelerator.inTurn(async () => this.#accelerator.environment.api.plain('ReleaseSession', this.#session))
  }
}
