import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, makeBatches } from '../../src/train/batches.ts'
import { chooseBuckets } from '../../src/train/buckets.ts'

const options = { seed: 1, epoch: 1, lengths: [8, 16, 40], batchSize: 80, captionsPerImage: 5 }
const plain = (batches: readonly Batch[]) =>
  batches.map(({ images, captions, steps }) => ({ images: [...images], captions: [...captions], steps }))

/** Images with equally many regions. */
const items = (steps: readonly (readonly number[])[]) => steps.map((each) => ({ steps: each, regions: 4 }))

/** `count` images of five captions between 6 and 31 steps, spread without a generator. */
const someImages = (count: number): number[][] =>
  Array.from({ length: count }, (_, i) => Array.from({ length: 5 }, (_, c) => 6 + ((i * 7 + c * c * 3 + i * i) % 26)))

describe('makeBatches()', () => {
  test('has every image once, with captions of its own that fit, in batches of the given size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 7 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(1000),
        (steps, imagesPerBatch, captionsPerImage, window, seed) => {
          const batchSize = imagesPerBatch * captionsPerImage
          const batches = makeBatches(items(steps), { ...options, seed, batchSize, captionsPerImage, window })
          const images = batches.flatMap((batch) => [...batch.images])
          expect(images.sort((a, b) => a - b)).toEqual([...steps.keys()])
          const full = batches.filter((batch) => batch.images.length === imagesPerBatch)
          expect(full.length).toBe(Math.floor(steps.length / imagesPerBatch))
          for (const batch of batches) {
            expect(batch.captions.length).toBe(batch.images.length * captionsPerImage)
            const used: number[] = []
            for (const [i, image] of batch.images.entries()) {
              const drawn = [...batch.captions.slice(i * captionsPerImage, (i + 1) * captionsPerImage)]
              const available = steps[image]!.length
              expect(new Set(drawn).size).toBe(Math.min(available, captionsPerImage))
              for (const caption of drawn) used.push(steps[image]![caption]!)
            }
            expect(used.every(Number.isInteger)).toBe(true)
            expect(batch.steps).toBe(options.lengths.find((length) => length >= Math.max(...used)))
          }
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('depends on seed and epoch alone', () => {
    const steps = someImages(200)
    const batches = plain(makeBatches(items(steps), options))
    expect(plain(makeBatches(items(steps), options))).toEqual(batches)
    expect(plain(makeBatches(items(steps), { ...options, epoch: 2 }))).not.toEqual(batches)
    expect(plain(makeBatches(items(steps), { ...options, seed: 2 }))).not.toEqual(batches)
  })

  test('draws different captions of an image in different epochs if it has more than are wanted', () => {
    const steps = [[5, 5, 5, 5, 5, 5, 5]]
    const seen = new Set<number>()
    for (let epoch = 0; epoch < 20; epoch++) {
      for (const caption of makeBatches(items(steps), { ...options, epoch })[0]!.captions) seen.add(caption)
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('with a window of all images divides them by their longest caption; the batches come in random order', () => {
    const steps = someImages(160)
    const batches = makeBatches(items(steps), { ...options, window: 10 })
    const longest = (batch: Batch): number[] => [...batch.images].map((image) => Math.max(...steps[image]!))
    const ranges = batches.map((batch) => [Math.min(...longest(batch)), Math.max(...longest(batch))] as const)
    const ascending = [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1])
    for (let i = 1; i < ascending.length; i++) expect(ascending[i]![0]).toBeGreaterThanOrEqual(ascending[i - 1]![1])
    expect(ranges).not.toEqual(ascending)
  })

  test('keeps images of different region buckets apart: a batch is padded to the largest of its images', () => {
    const regions = (image: number) => [10, 10, 10, 40][image % 4]!
    const images = someImages(160).map((steps, image) => ({ steps, regions: regions(image) }))
    const batches = makeBatches(images, { ...options, window: 10 })
    for (const batch of batches) expect(batch.regions).toBe(Math.max(...[...batch.images].map(regions)))
    expect(batches.filter((batch) => batch.regions === 40)).toHaveLength(3) // 40 such images, 16 a batch
    for (const batch of batches) {
      const longest = Math.max(...[...batch.images].flatMap((image) => images[image]!.steps))
      expect(batch.steps).toBeGreaterThanOrEqual(
        Math.max(
          ...[...batch.captions].map((_, i) => images[batch.images[Math.floor(i / 5)]!]!.steps[batch.captions[i]!]!),
        ),
      )
      expect(batch.steps).toBe(options.lengths.find((length) => length >= longest))
    }
  })

  test('throws for an image without captions, and for a caption longer than every bucket', () => {
    expect(() => makeBatches(items([[4], []]), options)).toThrow(
      'Cannot train on image 1 of the list: it has no captions',
    )
    expect(() => makeBatches(items([[41]]), options)).toThrow('a caption of 41 steps: the longest bucket has 40')
  })
})

const flickr8k = new URL('../../../shared/data/flickr8k/', import.meta.url)

describe.skipIf(!existsSync(flickr8k))('makeBatches() of the 6,000 Flickr8k images (skipped without ../shared)', () => {
  // An image's captions differ in length, so even an image alone, unrounded, would be padded by .266.
  test('pads less than .315 of the steps with eight lengths, where unsorted batches are padded by .50', () => {
    const steps = flickr8kSteps()
    const lengths = chooseBuckets(
      steps.map((each) => Math.max(...each)),
      8,
    )
    expect(lengths).toHaveLength(8)
    const padding = (window: number): number => {
      const batches = makeBatches(items(steps), { ...options, lengths, window })
      const real = steps.flat().reduce((sum, each) => sum + each, 0)
      return 1 - real / batches.reduce((sum, batch) => sum + batch.steps * batch.captions.length, 0)
    }
    expect(padding(50)).toBeLessThan(0.315)
    expect(padding(1)).toBeGreaterThan(0.5)
  })
})

/** The steps of the training images' captions: their words but no punctuation, and `<end>`. */
function flickr8kSteps(): number[][] {
  const read = (file: string): string[] => readFileSync(new URL(file, flickr8k), 'utf8').trim().split('\n')
  const images = new Map<string, number[]>(read('Flickr_8k.trainImages.txt').map((name) => [name.trim(), []]))
  for (const line of read('Flickr8k.token.txt')) {
    const [, name, caption] = /^(.*)#\d\t(.*)$/.exec(line)!
    images.get(name!)?.push(caption!.split(' ').filter((word) => /\w/.test(word)).length + 1)
  }
  return [...images.values()]
}
