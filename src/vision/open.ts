import type { Engine } from '../engine/engine.ts'
import { BuiltinDetector } from './detectors/centernet.ts'
import type { Detector } from './detectors/detector.ts'
import { Yolox } from './detectors/yolox.ts'
import { BUILTIN } from './networks/builtin/model.ts'
import { openBuiltinNetwork } from './networks/builtin/network.ts'
import type { Network } from './networks/network.ts'
import { type OnnxNetworkOptions, openOnnxNetwork } from './networks/onnx-network.ts'

/**
 * Opens the network of an ONNX file cut at a layer, or the built-in one if `file` is `builtin`, which ignores the
 * options. Throws UserError.
 */
export const openNetwork = (engine: Engine, file: string, options?: OnnxNetworkOptions): Promise<Network> =>
  file === BUILTIN ? openBuiltinNetwork(engine) : openOnnxNetwork(engine, file, options)

/** Opens YOLOX from an ONNX file, or the built-in detector if `file` is `builtin`. Throws UserError. */
export const openDetector = (engine: Engine, file: string): Promise<Detector> =>
  file === BUILTIN ? BuiltinDetector.open(engine) : Yolox.open(engine, file)
