import { floats, type HostValue } from '../src/formats/host-value.ts'
import { BASIC_MODELS, type BasicModelName } from '../src/models/basic-models.ts'
import { PUBLISHED_MODEL } from '../src/models/config.ts'
import type { CaptionModel } from '../src/models/contract.ts'
import { createCaptioner } from '../src/models/create-captioner.ts'
import { Random } from '../src/random.ts'

/** The sizes of COCO that every figure is measured at. */
export const sizes = { words: 16, vocabulary: 9568, regions: 49, features: 2048 } as const

/** A captioner as published at those sizes. */
export const makeModel = (basicModel: string, mia: boolean): CaptionModel =>
  createCaptioner({
    ...PUBLISHED_MODEL,
    ...BASIC_MODELS[basicModel as BasicModelName].published,
    basicModel: basicModel as BasicModelName,
    mia,
    regions: sizes.regions,
    paddedRegions: false,
    concepts: sizes.regions,
    featureSize: sizes.features,
    vocabularySize: sizes.vocabulary,
  })

const random = new Random(1)

/** Word ids, the special ones left out. */
export const someWords = (count: number): Int32Array =>
  Int32Array.from({ length: count }, () => 4 + random.below(sizes.vocabulary - 4))

/** Features between 0 and 1 as float16 bits. */
export const someFeatures = (images: number): HostValue => ({
  dtype: 'float16',
  shape: [images, sizes.regions, sizes.features],
  data: Uint16Array.from({ length: images * sizes.regions * sizes.features }, () => 0x3000 + random.below(0x0c00)),
})

/** Weights as a run begins with them. */
export const startWeights = (model: CaptionModel): Map<string, HostValue> =>
  new Map(
    [...model.parameters.values()].map(({ name, shape, init }) => [
      name,
      floats(shape, init(shape, { normal: () => random.normal(), uniform: () => 2 * random.uniform() - 1 })),
    ]),
  )

/** The median; of an even number of values, the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2
}
