import { availableParallelism } from 'node:os'
import ort from 'onnxruntime-node'
import type { Runtime, Session, SessionOptions, Values } from './session.ts'

/** ONNX Runtime in Node. */
export const nodeRuntime: Runtime = {
  Tensor: ort.Tensor,
  async load(model: Uint8Array, { threads = availableParallelism() }: SessionOptions = {}): Promise<Session> {
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    })
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (feeds: Values, into?: Values) => (into ? session.run(feeds, into) : session.run(feeds)) as Promise<Values>,
      release: () => session.release(),
    }
  },
}
