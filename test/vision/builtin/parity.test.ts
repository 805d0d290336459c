import { describe, expect, test } from 'vitest'
import { nodeRuntime } from '../../../src/runtime/node.ts'
import { toOnnx } from '../../../src/runtime/onnx-export.ts'
import { floatData, floats } from '../../../src/runtime/session.ts'
import { TfjsImport } from '../../../src/vision/tfjs/import.ts'
import { runInTensorflow } from '../tfjs/tensorflow.ts'
import { INPUT, inTensorflow, LAYERS, model, weights } from './network-files.ts'
import { hasCoco, photographs, planesOf, waves } from './pictures.ts'

const HEAD = ['tower_0/keypoints', 'tower_0/wh']

/** Holds our maps against TensorFlow.js's: of each picture and node the largest difference, in parts of the map's largest number. */
async function compare(pictures: readonly (string | Buffer)[], size: number, nodes: readonly string[]): Promise<void> {
  const network = new TfjsImport(model, weights, { what: 'model', weightsWhat: 'weights', width: size, height: size })
  const outputs = Object.fromEntries(nodes.map((name, i) => [`y${i}`, network.tensor(name)]))
  const session = await nodeRuntime.load(toOnnx(outputs, network.weights))
  const theirs = await inTensorflow(size)
  for (const picture of pictures) {
    const planes = await planesOf(picture, size)
    const ours = await session.run({ [INPUT]: floats([1, 3, size, size], planes) })
    const maps = runInTensorflow(theirs, INPUT, planes, [3, size, size], nodes)
    for (const [i, map] of maps.entries()) {
      const values = floatData(ours[`y${i}`])
      expect(values.length).toBe(map.length)
      const largest = map.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const furthest = map.reduce((most, value, at) => Math.max(most, Math.abs(value - values[at]!)), 0)
      expect(furthest / largest, nodes[i]).toBeLessThan(1e-4)
    }
  }
  session.release()
}

describe('the network of @vladmandic/human, read by TfjsImport, gives what TensorFlow.js gives', () => {
  test('of a drawn picture: maps at 320, the head at 512', async () => {
    await compare([await waves()], 320, LAYERS)
    await compare([await waves()], 512, HEAD)
  })

  test.skipIf(!hasCoco)('of photographs (needs ../shared): maps at 320, the head at 512', async () => {
    const files = await photographs()
    await compare(files.slice(0, 2), 320, LAYERS)
    await compare(files.slice(2, 3), 512, HEAD)
  })
})
