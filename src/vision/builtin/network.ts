import { concat, matmul, reshape } from '../../graph/ops/index.ts'
import { input, type Tensor } from '../../graph/tensor.ts'
import { floatData, floats, type Session, type Value } from '../../runtime/session.ts'
import type { Network } from '../network.ts'
import { type Preprocessing, rgb255 } from '../preprocessing.ts'
import { averageGrid } from './average-grid.ts'
import { BUILTIN, INPUT, openPart, type Part } from './model.ts'

/** The wide maps inside the last three blocks, and the last one: together they say nearly as much as ImageNet's features, each alone much less. */
const LAYERS: Readonly<Record<string, string>> = {
  'expanded_conv_12/expand': 'tower_0/MobilenetV3/expanded_conv_12/expand/hard_swish/mul_1',
  'expanded_conv_13/expand': 'tower_0/MobilenetV3/expanded_conv_13/expand/hard_swish/mul_1',
  'expanded_conv_14/expand': 'tower_0/MobilenetV3/expanded_conv_14/expand/hard_swish/mul_1',
  extern1: 'tower_0/extern1/hard_swish/mul_1',
}

/** The pictures' width and height: the maps are 20 x 20 and 10 x 10. */
const SIZE = 320
/**
 * The side of the grid that all maps are averaged over: as many regions as the paper's. Concepts are detected no better with 10 x 10, the maps' own
 * cells (mAP .187 with either, .186 with 5 x 5; 2,000 pictures of Flickr8k, 5 epochs), and MIA's time and the features' size grow with the regions.
 */
const SIDE = 7

const part: Part = {
  name: 'features',
  size: SIZE,
  recipe: { layers: LAYERS, side: SIDE },
  outputs: (node, keep) => ({
    regions: concat(
      Object.values(LAYERS).map((name) => cells(node(name), keep)),
      2,
    ),
  }),
}

/** A map [B, C, rows, columns] averaged over each cell of the grid, [B, cells, C]: one product does both that and the change of order. */
function cells(map: Tensor, keep: Map<string, Value>): Tensor {
  const [, channels, rows, columns] = map.shape as number[]
  const name = `grid/${rows}x${columns}`
  const shape = [SIDE * SIDE, rows! * columns!]
  keep.set(name, floats(shape, averageGrid(SIDE, rows!, columns!)))
  return matmul(input(name, shape), reshape(map, ['B', channels!, rows! * columns!]), { transB: true })
}

/** Opens the network that comes with npm, whose maps of several layers become one grid. Throws UserError where its package is missing or damaged. */
export async function openBuiltinNetwork(): Promise<Network> {
  const { session, sha256 } = await openPart(part)
  const { regions } = await session.run({ [INPUT]: floats([1, 3, SIZE, SIZE]) })
  return new BuiltinNetwork(session, sha256, regions!.shape[2]!)
}

class BuiltinNetwork implements Network {
  readonly name = BUILTIN
  readonly layer = Object.keys(LAYERS).join('+')
  readonly input: Preprocessing = { width: SIZE, height: SIZE, ...rgb255 }
  readonly regions = SIDE * SIDE
  readonly columns = SIDE
  readonly #session: Session

  constructor(
    session: Session,
    readonly sha256: string,
    readonly size: number,
  ) {
    this.#session = session
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    const { regions } = await this.#session.run({ [INPUT]: floats([count, 3, SIZE, SIZE], images) })
    return floatData(regions)
  }

  release(): void {
    this.#session.release()
  }
}
