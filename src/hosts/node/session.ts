import type { DeviceValues, HostValues, RunOptions, Session, Value, Values } from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import type { NodeEnvironment } from './environment.ts'
import { NodeValue } from './value.ts'

/** Names as C strings, and their addresses as the C API takes them. */
interface NameList {
  readonly strings: readonly Uint8Array[]
  readonly addresses: BigUint64Array
}

/** A compiled model. Its methods are those of Session. */
export class NodeSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #environment: NodeEnvironment
  readonly #inputs: NameList
  readonly #outputs: NameList
  #session: bigint
  #running = 0
  #released = false

  private constructor(environment: NodeEnvironment, session: bigint) {
    this.#environment = environment
    this.#session = session
    this.inputNames = environment.sessionNames(session, 'Input')
    this.outputNames = environment.sessionNames(session, 'Output')
    this.#inputs = nameList(environment, this.inputNames)
    this.#outputs = nameList(environment, this.outputNames)
  }

  static async load(environment: NodeEnvironment, model: Uint8Array): Promise<NodeSession> {
    return new NodeSession(environment, await environment.compile(model))
  }

  async run(feeds: Values, { into = {}, wanted = this.outputNames }: RunOptions = {}): Promise<HostValues> {
    const targets = wanted.map((name) => own(into, name))
    const handles = await this.#run(feeds, wanted, targets)
    try {
      return Object.fromEntries(wanted.map((name, i) => [name, targets[i] ?? this.#environment.copy(handles[i]!)]))
    } finally {
      for (const [i, handle] of handles.entries()) if (!targets[i]) this.#environment.releaseValue(handle)
    }
  }

  async runOnDevice(feeds: Values, wanted: readonly string[] = this.outputNames): Promise<DeviceValues> {
    const handles = await this.#run(feeds, wanted, [])
    const values: NodeValue[] = []
    try {
      for (const handle of handles) values.push(new NodeValue(this.#environment, handle))
    } catch (error) {
      for (const value of values) value.release()
      for (const handle of handles.subarray(values.length)) this.#environment.releaseValue(handle)
      throw error
    }
    return Object.fromEntries(wanted.map((name, i) => [name, values[i]!]))
  }

  /**
   * Runs the model on another thread. Returns the OrtValues of the outputs `wanted`: those of `targets`, or new ones
   * that the caller must release.
   */
  async #run(
    feeds: Values,
    wanted: readonly string[],
    targets: readonly (HostValue | undefined)[],
  ): Promise<BigUint64Array> {
    if (this.#released) throw new Error('Internal: the session was released')
    const environment = this.#environment
    const names =
      wanted === this.outputNames ? this.#outputs : nameList(environment, knownOutputs(this.outputNames, wanted))
    const values: Value[] = []
    const used: NodeValue[] = []
    this.#running += 1
    try {
      const inputs = new BigUint64Array(this.inputNames.length)
      for (const [i, name] of this.inputNames.entries()) {
        const value = own(feeds, name)
        if (!value) throw new Error(`Internal: the model's input "${name}" is missing from the feeds`)
        values.push(value)
        if (value instanceof NodeValue) {
          inputs[i] = value.use()
          used.push(value)
        } else if ('data' in value) inputs[i] = environment.handle(value)
        else throw new Error(`Internal: the value for the input "${name}" belongs to another runtime`)
      }
      const outputs = new BigUint64Array(wanted.length)
      for (const [i, target] of targets.entries()) if (target) outputs[i] = environment.handle(target)
      await environment.api.callAsync(
        'Run',
        [
          this.#session,
          0n,
          this.#inputs.addresses,
          inputs,
          BigInt(inputs.length),
          names.addresses,
          BigInt(outputs.length),
          outputs,
        ],
        // all that the addresses point to: the session, its input names, the feeds, the outputs and their names
        [this, values, targets, names],
      )
      return outputs
    } finally {
      for (const value of used) value.endUse()
      this.#running -= 1
      this.#free()
    }
  }

  release(): void {
    this.#released = true
    this.#free()
  }

  /** The library must not lose the session while it runs it. */
  #free(): void {
    if (!this.#released || this.#running > 0 || this.#session === 0n) return
    this.#environment.api.plain('ReleaseSession', this.#session)
    this.#session = 0n
  }
}

/** Returns `wanted`. Throws Error if one of these is none of the model's outputs. */
export function knownOutputs(outputNames: readonly string[], wanted: readonly string[]): readonly string[] {
  const unknown = wanted.find((name) => !outputNames.includes(name))
  if (unknown !== undefined) throw new Error(`Internal: the model has no output "${unknown}"`)
  return wanted
}

/** The value of that name, but not what every object inherits: an imported model may call an input `constructor`. */
export const own = <T>(values: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined

function nameList({ api }: NodeEnvironment, names: readonly string[]): NameList {
  const strings = names.map((name) => new TextEncoder().encode(`${name}\0`))
  return { strings, addresses: BigUint64Array.from(strings, (string) => api.addressOf(string)) }
}
