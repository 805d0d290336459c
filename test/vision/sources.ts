import type { GridSource } from '../../src/vision/feature-source.ts'

/** A small source: two regions of three numbers. */
export const source: GridSource = {
  kind: 'grid',
  network: { file: 'tiny.onnx', sha256: 'aa'.repeat(32) },
  layer: 'map',
  preprocessing: { width: 4, height: 2, channels: 'RGB', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  regions: 2,
  size: 3,
}

/** The features of image number n, different for every n. */
export const featuresOf = (n: number): Uint16Array => Uint16Array.from({ length: 6 }, (_, i) => (n * 6 + i) % 0x7c00)
