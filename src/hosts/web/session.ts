import type { InferenceSession, Tensor } from 'onnxruntime-web'
import { type HostPartSession, inputsOfParts } from '../../engine/host-part-session.ts'
import {
  type DeviceValues,
  EngineError,
  type HostValues,
  type RunOptions,
  type Session,
  type Value,
  type Values,
} from '../../engine/session.ts'
import type { HostValue } from '../../formats/host-value.ts'
import { fromTensor, type Ort, toTensor } from './tensors.ts'
import { WebValue } from './value.ts'

/** Does work after all work before it: ONNX Runtime's library for pages does one thing at a time. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** What a session on a GPU needs. */
export interface ForGpu {
  /** what happens to a value before it is fed */
  readonly prepare: (value: HostValue) => HostValue
  /** the model's host part, if it has one; it is released with the session */
  readonly hostPart?: HostPartSession | undefined
}

/** A compiled model in a page. Its methods are those of Session. */
export class WebSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #ort: Ort
  readonly #session: InferenceSession
  readonly #inTurn: InTurn
  readonly #gpu: ForGpu
  /** the inputs that the host part does not compute */
  readonly #given: readonly string[]
  #running = 0
  #released = false
  #isFreed = false

  constructor(ort: Ort, session: InferenceSession, inTurn: InTurn, gpu: ForGpu = { prepare: (value) => value }) {
    this.#ort = ort
    this.#session = session
    this.#inTurn = inTurn
    this.#gpu = gpu
    const { given, all } = inputsOfParts(session.inputNames, gpu.hostPart)
    this.#given = given
    this.inputNames = all
    this.outputNames = session.outputNames
  }

  async run(feeds: Values, { into = {}, wanted = this.outputNames }: RunOptions = {}): Promise<HostValues> {
    const tensors = await this.#run(feeds, wanted)
    try {
      const values: Record<string, HostValue> = {}
      for (const [i, name] of wanted.entries()) {
        const value = await fromTensor(tensors[i]!)
        const target = Object.hasOwn(into, name) ? into[name]! : undefined
        target?.data.set(value.data as never)
        values[name] = target ?? value
      }
      return values
    } finally {
      for (const tensor of tensors) tensor.dispose()
    }
  }

  async runOnDevice(feeds: Values, wanted: readonly string[] = this.outputNames): Promise<DeviceValues> {
    const tensors = await this.#run(feeds, wanted)
    return Object.fromEntries(wanted.map((name, i) => [name, new WebValue(tensors[i]!)]))
  }

  /** Runs the model and returns the outputs `wanted`, which the caller disposes of. */
  async #run(feeds: Values, wanted: readonly string[]): Promise<Tensor[]> {
    if (this.#released) throw new Error('Internal: the session was released')
    const used: WebValue[] = []
    this.#running += 1
    try {
      const feed = (name: string): Value => {
        const value = Object.hasOwn(feeds, name) ? feeds[name] : undefined
        if (!value) throw new Error(`Internal: the model's input "${name}" is missing from the feeds`)
        return value
      }
      const inputs: Record<string, Tensor> = {}
      for (const name of this.#given) {
        const value = feed(name)
        if (value instanceof WebValue) {
          inputs[name] = value.use()
          used.push(value)
        } else if ('data' in value) inputs[name] = toTensor(this.#ort, this.#gpu.prepare(value))
        else throw new Error(`Internal: the value for the input "${name}" belongs to another runtime`)
      }
      const computed = (await this.#gpu.hostPart?.run(feed)) ?? {}
      for (const [name, value] of Object.entries(computed)) inputs[name] = toTensor(this.#ort, value)
      const results = await this.#inTurn(() => this.#session.run(inputs, [...wanted]).catch(refuse))
      return wanted.map((name) => results[name]!)
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

  /** A run that waits for the host part has yet to ask for its turn: the session must not be freed before it. */
  #free(): void {
    if (!this.#released || this.#running > 0 || this.#isFreed) return
    this.#isFreed = true
    this.#gpu.hostPart?.release()
    void this.#inTurn(() => this.#session.release())
  }
}

/** Throws what ONNX Runtime threw as an EngineError. */
export function refuse(error: unknown): never {
  throw new EngineError(error instanceof Error ? error.message : String(error))
}
