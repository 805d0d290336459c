import type { Device } from '../../device.ts'
import type { Engine } from '../../engine/engine.ts'
import { nodeAssets } from './assets.ts'
import { nodePictures } from './pictures.ts'
import { nodeRuntime, runtimeOn } from './runtime.ts'

/** ONNX Runtime, libvips and the file system: the engine in Node. */
export const nodeEngine: Engine = { runtime: nodeRuntime, pictures: nodePictures, assets: nodeAssets }

/** The engine in Node, with models on a device. Throws UserError if the device cannot be used. */
export const engineOn = (device: Device): Engine => ({ ...nodeEngine, runtime: runtimeOn(device) })
