import { readBytes } from '../../../src/disk/files.ts'
import { input, matmul } from '../../../src/graph/index.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { toOnnx } from '../../../src/onnx/export.ts'
import { readOnnx } from '../../../src/onnx/file.ts'
import { openOnnxNetwork } from '../../../src/vision/networks/onnx-network.ts'
import { network } from '../../../test/cli/small-world.ts'
import type { Format } from '../format.ts'

/** ONNX files: read, and opened and run as a network. */
export const NETWORKS: readonly Format[] = [
  {
    name: 'onnx',
    file: 'model.onnx',
    originals: async () => [toOnnx({ y: matmul(input('x', ['B', 4]), input('w', [4, 2])) }), network()],
    read: async (path) => Object.keys(readOnnx(await readBytes(path, 'network'))),
    unnamed: true,
  },
  {
    name: 'network',
    file: 'network.onnx',
    originals: async () => [network()],
    async read(path) {
      const opened = await openOnnxNetwork(nodeEngine, path)
      try {
        const { width, height } = opened.input
        return (await opened.run(new Float32Array(3 * width * height).fill(0.5), 1)).length
      } finally {
        opened.release()
      }
    },
  },
]
