import type { Format } from '../format.ts'
import { ARRAYS } from './arrays.ts'
import { CAPTION_FILES } from './captions.ts'
import { DATASETS } from './datasets.ts'
import { NETWORKS } from './networks.ts'
import { PICTURES } from './pictures.ts'
import { RUN_FILES, WEIGHT_FILES } from './runs.ts'

/** Every format that mia reads. */
export const FORMATS: readonly Format[] = [
  ...PICTURES,
  ...CAPTION_FILES,
  ...DATASETS,
  ...RUN_FILES,
  ...WEIGHT_FILES,
  ...ARRAYS,
  ...NETWORKS,
]
