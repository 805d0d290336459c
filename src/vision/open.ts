import { BuiltinDetector } from './detectors/centernet.ts'
import type { Detector } from './detectors/detector.ts'
import { Yolox } from './detectors/yolox.ts'
import { BUILTIN } from './networks/builtin/model.ts'
import { openBuiltinNetwork } from './networks/builtin/network.ts'
import type { Network } from './networks/network.ts'
import { type BackboneOptions, openBackbone } from './networks/onnx-network.ts'

/** Opens the network of an ONNX file cut at a layer, or the one that comes with npm by the name `builtin`, to which the options say nothing. Throws UserError. */
export const openNetwork = (file: string, options?: BackboneOptions): Promise<Network> =>
  file === BUILTIN ? openBuiltinNetwork() : openBackbone(file, options)

/** Opens YOLOX from an ONNX file, or the detector that comes with npm by the name `builtin`. Throws UserError. */
export const openDetector = (file: string): Promise<Detector> =>
  file === BUILTIN ? BuiltinDetector.open() : Yolox.open(file)
