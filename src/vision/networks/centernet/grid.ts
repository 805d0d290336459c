import { floats, type HostValue } from '../../../formats/host-value.ts'
import { concat, input, matmul, reshape, type Tensor } from '../../../graph/index.ts'
import { averageGrid } from './average-grid.ts'

/**
 * The layers by short name: the expanded maps of the last three blocks and the last map. Together they are nearly as
 * good for concept detection as features of an ImageNet network, each alone is much worse.
 */
export const LAYERS: Readonly<Record<string, string>> = {
  'expanded_conv_12/expand': 'tower_0/MobilenetV3/expanded_conv_12/expand/hard_swish/mul_1',
  'expanded_conv_13/expand': 'tower_0/MobilenetV3/expanded_conv_13/expand/hard_swish/mul_1',
  'expanded_conv_14/expand': 'tower_0/MobilenetV3/expanded_conv_14/expand/hard_swish/mul_1',
  extern1: 'tower_0/extern1/hard_swish/mul_1',
}

/** The width and height of the network's input; the maps are then 20 x 20 and 10 x 10. */
export const SIZE = 320
/**
 * The side of the grid that all maps are averaged over: 49 regions, as in the paper. The maps' own 10 x 10 cells are no
 * better for concept detection (mAP .187 with either, .186 with 5 x 5; 2,000 pictures of Flickr8k, 5 epochs), and MIA's
 * time and the size of the features grow with the regions.
 */
export const SIDE = 7

/**
 * The maps of all layers, averaged over the cells of one grid and concatenated, `[B, SIDE * SIDE, channels]`. `keep`
 * receives the values of the graph inputs that it adds.
 */
export const grid = (node: (name: string) => Tensor, keep: Map<string, HostValue>): Tensor =>
  concat(
    Object.values(LAYERS).map((name) => cells(node(name), keep)),
    2,
  )

/**
 * Averages a map `[B, C, rows, columns]` over the cells of the grid, `[B, cells, C]`: one product also transposes it.
 */
function cells(map: Tensor, keep: Map<string, HostValue>): Tensor {
  const [, channels, rows, columns] = map.shape as number[]
  const name = `grid/${rows}x${columns}`
  const shape = [SIDE * SIDE, rows! * columns!]
  keep.set(name, floats(shape, averageGrid([SIDE, SIDE], [rows!, columns!])))
  return matmul(input(name, shape), reshape(map, ['B', channels!, rows! * columns!]), { transB: true })
}
