import type { InferenceSession, TensorConstructor, Tensor as Value } from 'onnxruntime-common'

/** A value on the device, or in memory, that goes into a run or comes out of one. */
export type { Value }

export type Values = Readonly<Record<string, Value>>

/** A model ready to run. */
export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** runs the model; with `into`, results are written to these values instead of to new ones */
  run(feeds: Values, into?: Values): Promise<Values>
  release(): Promise<void>
}

export interface SessionOptions {
  /** threads inside an operator; by default one a core */
  readonly threads?: number
}

/** The engine behind the sessions: onnxruntime-node in Node, onnxruntime-web in a page. */
export interface Runtime {
  readonly Tensor: TensorConstructor
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>
}

export type { InferenceSession }
