import * as v from 'valibot'
import type { Network } from './networks/network.ts'

/** Far beyond any network, so that a damaged size cannot ask for an array that nothing can hold. */
const MOST = 1_000_000
const SIZE_SCHEMA = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST))
const PER_CHANNEL_SCHEMA = v.strictTuple([v.number(), v.number(), v.number()])
const FILE_SCHEMA = v.object({ file: v.string(), sha256: v.string() })
const sizes = {
  /** regions per image; the maximum if the number differs between images */
  regions: SIZE_SCHEMA,
  /** numbers per region */
  size: SIZE_SCHEMA,
}
const networkEntries = {
  network: FILE_SCHEMA,
  layer: v.string(),
  preprocessing: v.object({
    width: SIZE_SCHEMA,
    height: SIZE_SCHEMA,
    channels: v.picklist(['RGB', 'BGR']),
    mean: PER_CHANNEL_SCHEMA,
    std: PER_CHANNEL_SCHEMA,
  }),
}

/** The cells of a network's feature map. */
const GRID_SCHEMA = v.object({ kind: v.optional(v.literal('grid'), 'grid'), ...networkEntries, ...sizes })
/** Published features of the bottom-up attention detector (Anderson et al., CVPR 2018). */
const BOTTOM_UP_SCHEMA = v.object({ kind: v.literal('bottom-up'), ...sizes })
/** Boxes of a detector, with a network's feature map pooled inside each. */
const DETECTED_SCHEMA = v.object({
  kind: v.literal('detected'),
  detector: FILE_SCHEMA,
  /** whether each feature ends with its box's edges and area */
  position: v.boolean(),
  ...networkEntries,
  ...sizes,
})

/**
 * The schema of FeatureSource. Features of two sources have the same form and different meanings, so that every file of
 * features or of a model names its source, and they are compared before use.
 */
export const FEATURE_SOURCE_SCHEMA = v.variant('kind', [BOTTOM_UP_SCHEMA, DETECTED_SCHEMA, GRID_SCHEMA])

/** The source of features that are the cells of a network's feature map. */
export type GridSource = v.InferOutput<typeof GRID_SCHEMA>
/** The source of features that are pooled inside detected boxes. */
export type DetectedSource = v.InferOutput<typeof DETECTED_SCHEMA>
/** How features were made: the network, layer and preprocessing, and the detector if there is one. */
export type FeatureSource = v.InferOutput<typeof FEATURE_SOURCE_SCHEMA>

/** The source of the features that a network extracts. */
export function sourceOf({ name, sha256, layer, input, regions, size }: Network): GridSource {
  const { width, height, channels, mean, std } = input
  const preprocessing = { width, height, channels, mean: [...mean], std: [...std] } as GridSource['preprocessing']
  return { kind: 'grid', network: { file: name, sha256 }, layer, preprocessing, regions, size }
}

/** Whether regions are boxes, whose number differs between images, and not the cells of a grid. */
export const hasBoxes = (source: FeatureSource): boolean => source.kind !== 'grid'

/** Whether two sources make the same features: the names of their files may differ, the contents may not. */
export const sameSource = (a: FeatureSource, b: FeatureSource): boolean =>
  JSON.stringify(identity(a)) === JSON.stringify(identity(b))

/** The fields of a source that its features depend on, for comparison: all but the names of files. */
export function identity(source: FeatureSource): object {
  const { regions, size } = source
  if (source.kind === 'bottom-up') return { kind: source.kind, regions, size }
  const { network, layer } = source
  const { width, height, channels, mean, std } = source.preprocessing
  const detector =
    source.kind === 'detected' ? { kind: source.kind, detector: source.detector.sha256, position: source.position } : {}
  const preprocessing = { width, height, channels, mean, std }
  return { ...detector, network: network.sha256, layer, preprocessing, regions, size }
}

/** Describes a source in words, with every field in which two sources may differ, for error messages. */
export function describeSource(source: FeatureSource): string {
  const { regions, size } = source
  if (source.kind === 'bottom-up') return `up to ${regions} bottom-up regions of ${size}`
  const { layer, preprocessing: p } = source
  const boxes =
    source.kind === 'detected'
      ? `up to ${regions} boxes of ${short(source.detector)}, each ${size}${source.position ? ', with its position,' : ''}`
      : `${regions} regions of ${size}`
  return (
    `${boxes} from layer "${layer}" of ${short(source.network)}, ` +
    `pictures ${p.width} x ${p.height} ${p.channels}, mean ${p.mean.join(' ')}, std ${p.std.join(' ')}`
  )
}

const short = ({ file, sha256 }: v.InferOutput<typeof FILE_SCHEMA>): string => `${file} (sha256 ${sha256.slice(0, 12)})`
