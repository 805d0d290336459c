import type { Engine } from '../../engine/engine.ts'
import { nodeAssets } from './assets.ts'
import { nodePictures } from './pictures.ts'
import { nodeRuntime } from './runtime.ts'

/** ONNX Runtime, libvips and the file system: the engine in Node. */
export const nodeEngine: Engine = { runtime: nodeRuntime, pictures: nodePictures, assets: nodeAssets }
