import * as v from 'valibot'
import type { Network } from './network.ts'

const sizeSchema = v.pipe(v.number(), v.integer(), v.minValue(1))
const perChannelSchema = v.strictTuple([v.number(), v.number(), v.number()])

/** What made stored features. Features of two sources look alike and mean different things: they must never meet. */
export const featureSourceSchema = v.object({
  network: v.object({ file: v.string(), sha256: v.string() }),
  layer: v.string(),
  preprocessing: v.object({
    width: sizeSchema,
    height: sizeSchema,
    channels: v.picklist(['RGB', 'BGR']),
    mean: perChannelSchema,
    std: perChannelSchema,
  }),
  regions: sizeSchema,
  size: sizeSchema,
})

export type FeatureSource = v.InferOutput<typeof featureSourceSchema>

/** The source that a network's features have. */
export function sourceOf({ name, sha256, layer, input, regions, size }: Network): FeatureSource {
  const { width, height, channels, mean, std } = input
  const preprocessing = { width, height, channels, mean: [...mean], std: [...std] } as FeatureSource['preprocessing']
  return { network: { file: name, sha256 }, layer, preprocessing, regions, size }
}

/** Do two sources give the same features? The file's name may differ, its bytes may not. */
export const sameSource = (a: FeatureSource, b: FeatureSource): boolean => identity(a) === identity(b)

const identity = ({
  network,
  layer,
  preprocessing: { width, height, channels, mean, std },
  regions,
  size,
}: FeatureSource): string => JSON.stringify([network.sha256, layer, width, height, channels, mean, std, regions, size])

/** A source in words, with all that two sources may differ in. */
export const describeSource = ({ network, layer, preprocessing: p, regions, size }: FeatureSource): string =>
  `${regions} regions of ${size} from layer "${layer}" of ${network.file} (sha256 ${network.sha256.slice(0, 12)}), ` +
  `pictures ${p.width} x ${p.height} ${p.channels}, mean ${p.mean.join(' ')}, deviation ${p.std.join(' ')}`
