/**
 * The splits in Karpathy's dataset files (Karpathy and Fei-Fei, CVPR 2015) and the split in which each is used:
 * `restval` is the part of COCO's validation images that all published work trains on.
 */
export const KARPATHY_SPLITS = {
  train: 'train',
  restval: 'train',
  val: 'val',
  test: 'test',
} as const satisfies Readonly<Record<string, 'train' | 'val' | 'test'>>
