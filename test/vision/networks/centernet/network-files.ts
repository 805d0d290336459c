import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { GraphModel } from '@tensorflow/tfjs-converter'
import { checkTfjsModel } from '../../../../src/vision/networks/tfjs/model-file.ts'
import { loadInTensorflow } from '../tfjs/tensorflow.ts'

const folder = join(dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/human'))), 'models')
const text = await readFile(join(folder, 'centernet.json'), 'utf8')

export const INPUT = 'tower_0/images'
export const LAYERS = [
  'tower_0/MobilenetV3/expanded_conv_12/expand/hard_swish/mul_1',
  'tower_0/MobilenetV3/expanded_conv_13/expand/hard_swish/mul_1',
  'tower_0/MobilenetV3/expanded_conv_14/expand/hard_swish/mul_1',
  'tower_0/extern1/hard_swish/mul_1',
]
/** The detector's heat map and the boxes' edges. */
export const HEAD = ['tower_0/keypoints', 'tower_0/wh']
export const weights = await readFile(join(folder, 'centernet.bin'))
export const model = checkTfjsModel(JSON.parse(text), 'centernet.json', 'install it again')

/** Loads the network in TensorFlow.js. It checks the input's size, so that the file's 512 is replaced. */
export const inTensorflow = (size: number): Promise<GraphModel> =>
  loadInTensorflow(JSON.parse(text.replaceAll('"size":"512"', `"size":"${size}"`)), weights)
