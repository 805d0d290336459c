import type { Engine } from '../engine/engine.ts'
import { BuiltinDetector } from './detectors/centernet.ts'
import type { Detector } from './detectors/detector.ts'
import { Yolox } from './detectors/yolox.ts'
import { BUILTIN, openBuiltinNetwork } from './networks/builtin.ts'
import { CENTERNET } from './networks/centernet/model.ts'
import { openCenternet } from './networks/centernet/network.ts'
import type { Network } from './networks/network.ts'
import { type OnnxNetworkOptions, openOnnxNetwork } from './networks/onnx-network.ts'

/** Whether a network comes with this package or with another that npm installs, by what `--cnn` calls it. */
export const isPackaged = (file: string): boolean => file === BUILTIN || file === CENTERNET

/**
 * Opens the network of an ONNX file cut at a layer. `builtin` is the network that comes with the package, `centernet`
 * the one that it was made from; they ignore the options. Throws UserError.
 */
export function openNetwork(engine: Engine, file: string, options?: OnnxNetworkOptions): Promise<Network> {
  if (file === BUILTIN) return openBuiltinNetwork(engine)
  return file === CENTERNET ? openCenternet(engine) : openOnnxNetwork(engine, file, options)
}

/** Opens YOLOX from an ONNX file, or the built-in detector if `file` is `builtin`. Throws UserError. */
export const openDetector = (engine: Engine, file: string): Promise<Detector> =>
  file === BUILTIN ? BuiltinDetector.open(engine) : Yolox.open(engine, file)
