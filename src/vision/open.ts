import { type BackboneOptions, openBackbone } from './backbone.ts'
import { BuiltinDetector } from './builtin/detector.ts'
import { BUILTIN } from './builtin/model.ts'
import { openBuiltinNetwork } from './builtin/network.ts'
import type { Detector } from './detector.ts'
import type { Network } from './network.ts'
import { Yolox } from './yolox.ts'

/** Opens the network of an ONNX file cut at a layer, or the one that comes with npm by the name `builtin`, to which the options say nothing. Throws UserError. */
export const openNetwork = (file: string, options?: BackboneOptions): Promise<Network> =>
  file === BUILTIN ? openBuiltinNetwork() : openBackbone(file, options)

/** Opens YOLOX from an ONNX file, or the detector that comes with npm by the name `builtin`. Throws UserError. */
export const openDetector = (file: string): Promise<Detector> =>
  file === BUILTIN ? BuiltinDetector.open() : Yolox.open(file)
