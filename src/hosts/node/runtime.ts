import { type Device, deviceName } from '../../device.ts'
import type { Runtime, Session } from '../../engine/session.ts'
import { Accelerator } from './accelerator.ts'
import { AcceleratorSession } from './accelerator-session.ts'
import { NodeEnvironment } from './environment.ts'
import type { AcceleratorDevice } from './providers.ts'
import { NodeSession } from './session.ts'

let environment: NodeEnvironment | undefined
/** The GPUs in use, by their names. */
const accelerators = new Map<string, Accelerator>()

/**
 * ONNX Runtime on the processor, loaded with the first model. `MIA_THREADS` sets its number of threads, by default one
 * per core; `MIA_PROFILE` is the start of the names of files to write a profile of each session to. Runs and load() are
 * off the main thread, at most a few at once; others wait in order. Throws UserError if the library cannot be loaded.
 */
export const nodeRuntime: Runtime = {
  async load(model: Uint8Array): Promise<Session> {
    environment ??= new NodeEnvironment()
    return NodeSession.load(environment, model)
  },
}

/**
 * ONNX Runtime on a device. What the device cannot compute, ONNX Runtime computes on the processor. Throws UserError if
 * the device cannot be used.
 */
export function runtimeOn(device: Device): Runtime {
  if (!isAccelerator(device)) return nodeRuntime
  environment ??= new NodeEnvironment()
  const name = deviceName({ ...device, index: device.index ?? 0 })
  const accelerator = accelerators.get(name) ?? new Accelerator(environment, device)
  accelerators.set(name, accelerator)
  return { load: (model) => AcceleratorSession.load(accelerator, model) }
}

const isAccelerator = (device: Device): device is AcceleratorDevice => device.kind !== 'cpu'
