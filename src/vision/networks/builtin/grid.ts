import { floats, type HostValue } from '../../../formats/host-value.ts'
import { concat, matmul, reshape } from '../../../graph/ops/index.ts'
import { input, type Tensor } from '../../../graph/tensor.ts'
import { averageGrid } from './average-grid.ts'

/** The wide maps inside the last three blocks, and the last one: together they say nearly as much as ImageNet's features, each alone much less. */
export const LAYERS: Readonly<Record<string, string>> = {
  'expanded_conv_12/expand': 'tower_0/MobilenetV3/expanded_conv_12/expand/hard_swish/mul_1',
  'expanded_conv_13/expand': 'tower_0/MobilenetV3/expanded_conv_13/expand/hard_swish/mul_1',
  'expanded_conv_14/expand': 'tower_0/MobilenetV3/expanded_conv_14/expand/hard_swish/mul_1',
  extern1: 'tower_0/extern1/hard_swish/mul_1',
}

/** The pictures' width and height: the maps are 20 x 20 and 10 x 10. */
export const SIZE = 320
/**
 * The side of the grid that all maps are averaged over: as many regions as the paper's. Concepts are detected no better with 10 x 10, the maps' own
 * cells (mAP .187 with either, .186 with 5 x 5; 2,000 pictures of Flickr8k, 5 epochs), and MIA's time and the features' size grow with the regions.
 */
export const SIDE = 7

/** The maps of all layers side by side, averaged over the cells of one grid: [B, SIDE * SIDE, channels]. `keep` takes the constants it needs. */
export const grid = (node: (name: string) => Tensor, keep: Map<string, HostValue>): Tensor =>
  concat(
    Object.values(LAYERS).map((name) => cells(node(name), keep)),
    2,
  )

/** A map [B, C, rows, columns] averaged over each cell of the grid, [B, cells, C]: one product does both that and the change of order. */
function cells(map: Tensor, keep: Map<string, HostValue>): Tensor {
  const [, channels, rows, columns] = map.shape as number[]
  const name = `grid/${rows}x${columns}`
  const shape = [SIDE * SIDE, rows! * columns!]
  keep.set(name, floats(shape, averageGrid(SIDE, rows!, columns!)))
  return matmul(input(name, shape), reshape(map, ['B', channels!, rows! * columns!]), { transB: true })
}
