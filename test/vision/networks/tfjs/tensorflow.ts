import '@tensorflow/tfjs-backend-wasm'
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import type { TfjsModel } from '../../../../src/vision/networks/tfjs/model-file.ts'

// TensorFlow.js itself, on its WebAssembly backend: the reference of our importer.

tf.env().set('IS_TEST', true) // no advice to use its native library
await tf.setBackend('wasm')

/** Loads a model in TensorFlow.js. */
export function loadInTensorflow(model: TfjsModel, weights: Uint8Array): Promise<GraphModel> {
  return loadGraphModel({
    load: async () => ({
      modelTopology: model.modelTopology,
      weightSpecs: model.weightsManifest.flatMap((group) => group.weights) as never,
      weightData: new Uint8Array(weights).buffer,
    }),
  })
}

/** The maps `[1, C, rows, columns]` of nodes for one image `[C, height, width]`; TensorFlow has the channels last. */
export function runInTensorflow(
  model: GraphModel,
  input: string,
  planes: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  nodes: readonly string[],
): Float32Array[] {
  return tf.tidy(() => {
    const image = tf.transpose(tf.tensor4d(planes, [1, channels, height, width]), [0, 2, 3, 1])
    const outputs = model.execute({ [input]: image }, [...nodes]) as tf.Tensor | tf.Tensor[]
    return [outputs].flat().map((map) => {
      const ordered = map.shape.length === 4 ? tf.transpose(map, [0, 3, 1, 2]) : map
      return ordered.dataSync() as Float32Array
    })
  })
}
