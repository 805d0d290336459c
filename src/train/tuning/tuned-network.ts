import { join } from 'node:path'
import type { Weights } from '../../caption/weights.ts'
import { writeFileAtomic } from '../../disk/files.ts'
import { toFloat16 } from '../../formats/float16.ts'
import type { HostValue } from '../../formats/host-value.ts'
import { cast, input, inputName, replace, type Tensor, topological } from '../../graph/index.ts'
import { toOnnx } from '../../onnx/export.ts'
import { PREPROCESSOR_CONFIG } from '../../vision/networks/preprocessor-config.ts'
import type { TrainableNetwork } from '../../vision/networks/trainable.ts'
import type { TuningModel } from './tuning-model.ts'

/** Tables of fewer elements stay float32. */
const LEAST_HALVED = 16

/**
 * Writes a tuned network into a folder: `network.onnx`, from images to the map `features` `[B, F, rows, columns]`, with
 * its weights in float16, and the preprocessor_config.json that says how its images are made. Returns the path of the
 * ONNX file.
 */
export async function writeTunedNetwork(
  folder: string,
  model: TuningModel,
  network: TrainableNetwork,
  weights: Weights,
): Promise<string> {
  const file = join(folder, 'network.onnx')
  const { width, height, channels, mean, std } = network.input
  const config = {
    do_resize: true,
    size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
    ...(channels === 'BGR' && { do_flip_channel_order: true }),
  }
  await writeFileAtomic(join(folder, PREPROCESSOR_CONFIG), `${JSON.stringify(config, null, 2)}\n`)
  await writeFileAtomic(file, tunedNetwork(model, weights))
  return file
}

/** The ONNX model of a tuned network, with weights in float16. */
export function tunedNetwork(model: TuningModel, weights: Weights): Uint8Array {
  const values = new Map<string, HostValue>(model.constants)
  for (const [name, { shape, data }] of weights) values.set(name, { dtype: 'float32', shape, data })
  const features = model.map(model.start)
  const stored = new Map(values)
  const halved = new Map<Tensor, Tensor>()
  for (const { outputs } of topological([features])) {
    const [tensor] = outputs
    const name = tensor && inputName(tensor)
    const value = name === undefined ? undefined : values.get(name)
    if (value?.dtype !== 'float32' || value.data.length < LEAST_HALVED) continue
    halved.set(tensor!, cast(input(name!, tensor!.shape, 'float16'), 'float32'))
    stored.set(name!, { dtype: 'float16', shape: value.shape, data: toFloat16(value.data as Float32Array) })
  }
  const [map] = replace([features], halved)
  return toOnnx({ features: map! }, stored)
}
