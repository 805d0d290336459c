import { floatData } from '../../../../src/engine/session.ts'
import { floats } from '../../../../src/formats/host-value.ts'
import { nodeRuntime } from '../../../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../../../src/onnx/export.ts'
import { TfjsImport } from '../../../../src/vision/networks/tfjs/import.ts'
import { runInTensorflow } from '../tfjs/tensorflow.ts'
import { INPUT, inTensorflow, model, weights } from './network-files.ts'
import { planesOf } from './pictures.ts'

/**
 * For each node the largest difference of our map from TensorFlow.js's over the pictures, relative to the map's largest
 * absolute value.
 */
export async function differences(
  pictures: readonly (string | Buffer)[],
  size: number,
  nodes: readonly string[],
): Promise<number[]> {
  const network = new TfjsImport(model, weights, { what: 'model', weightsWhat: 'weights', width: size, height: size })
  const outputs = Object.fromEntries(nodes.map((name, i) => [`y${i}`, network.tensor(name)]))
  const session = await nodeRuntime.load(toOnnx(outputs, network.weights))
  const theirs = await inTensorflow(size)
  const furthest = nodes.map(() => 0)
  for (const picture of pictures) {
    const planes = await planesOf(picture, size)
    const ours = await session.run({ [INPUT]: floats([1, 3, size, size], planes) })
    for (const [i, map] of runInTensorflow(theirs, INPUT, planes, [3, size, size], nodes).entries()) {
      const values = floatData(ours[`y${i}`])
      if (values.length !== map.length) throw new Error(`${nodes[i]} has ${values.length} numbers, not ${map.length}`)
      const largest = map.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const difference = map.reduce((most, value, at) => Math.max(most, Math.abs(value - values[at]!)), 0)
      furthest[i] = Math.max(furthest[i]!, difference / largest)
    }
  }
  session.release()
  return furthest
}
