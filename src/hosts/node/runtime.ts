import type { Runtime, Session } from '../../engine/session.ts'
import { NodeEnvironment } from './environment.ts'
import { NodeSession } from './session.ts'

let environment: NodeEnvironment | undefined

/**
 * ONNX Runtime in Node, loaded with the first model. `MIA_THREADS` sets its number of threads, by default one per core;
 * `MIA_PROFILE` is the start of the names of files to write a profile of each session to. Runs and load() are off the
 * main thread, at most a few at once; others wait in order. Throws UserError if the library cannot be loaded.
 */
export const nodeRuntime: Runtime = {
  async load(model: Uint8Array): Promise<Session> {
    environment ??= new NodeEnvironment()
    return NodeSession.load(environment, model)
  },
}
