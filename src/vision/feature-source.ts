import * as v from 'valibot'
import type { Network } from './networks/network.ts'

const sizeSchema = v.pipe(v.number(), v.integer(), v.minValue(1))
const perChannelSchema = v.strictTuple([v.number(), v.number(), v.number()])
const fileSchema = v.object({ file: v.string(), sha256: v.string() })
const sizes = {
  /** regions of a picture; where there are boxes, the most that one has */
  regions: sizeSchema,
  size: sizeSchema,
}
const networkEntries = {
  network: fileSchema,
  layer: v.string(),
  preprocessing: v.object({
    width: sizeSchema,
    height: sizeSchema,
    channels: v.picklist(['RGB', 'BGR']),
    mean: perChannelSchema,
    std: perChannelSchema,
  }),
}

/** The cells of a network's map. */
const gridSchema = v.object({ kind: v.optional(v.literal('grid'), 'grid'), ...networkEntries, ...sizes })
/** Features made elsewhere, by the bottom-up detector (Anderson et al. 2018), as they are published. */
const bottomUpSchema = v.object({ kind: v.literal('bottom-up'), ...sizes })
/** The boxes that a detector found, each with what a network's map has there. */
const detectedSchema = v.object({
  kind: v.literal('detected'),
  detector: fileSchema,
  /** is each feature followed by its box's place and size? */
  position: v.boolean(),
  ...networkEntries,
  ...sizes,
})

/** What made stored features. Features of two sources look alike and mean different things: they must never meet. */
export const featureSourceSchema = v.union([bottomUpSchema, detectedSchema, gridSchema])

export type GridSource = v.InferOutput<typeof gridSchema>
export type DetectedSource = v.InferOutput<typeof detectedSchema>
export type FeatureSource = v.InferOutput<typeof featureSourceSchema>

/** The source that a network's features have. */
export function sourceOf({ name, sha256, layer, input, regions, size }: Network): GridSource {
  const { width, height, channels, mean, std } = input
  const preprocessing = { width, height, channels, mean: [...mean], std: [...std] } as GridSource['preprocessing']
  return { kind: 'grid', network: { file: name, sha256 }, layer, preprocessing, regions, size }
}

/** Are the regions boxes, of which each picture has its own number? Otherwise they are a grid's cells. */
export const hasBoxes = (source: FeatureSource): boolean => source.kind !== 'grid'

/** Do two sources give the same features? The file's name may differ, its bytes may not. */
export const sameSource = (a: FeatureSource, b: FeatureSource): boolean =>
  JSON.stringify(identity(a)) === JSON.stringify(identity(b))

/** What decides a source's features: no names of files, and nothing else that an object may carry. */
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

/** A source in words, with all that two sources may differ in. */
export function describeSource(source: FeatureSource): string {
  const { regions, size } = source
  if (source.kind === 'bottom-up') return `up to ${regions} bottom-up regions of ${size}`
  const { layer, preprocessing: p } = source
  const boxes =
    source.kind === 'detected'
      ? `up to ${regions} boxes of ${short(source.detector)}, each ${size}${source.position ? ', its place included,' : ''}`
      : `${regions} regions of ${size}`
  return (
    `${boxes} from layer "${layer}" of ${short(source.network)}, ` +
    `pictures ${p.width} x ${p.height} ${p.channels}, mean ${p.mean.join(' ')}, deviation ${p.std.join(' ')}`
  )
}

const short = ({ file, sha256 }: v.InferOutput<typeof fileSchema>): string => `${file} (sha256 ${sha256.slice(0, 12)})`
