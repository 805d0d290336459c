import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { resizeBicubic } from '../../../src/evaluation/clip/bicubic.ts'
import { clipScores } from '../../../src/evaluation/clip/clip-score.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { evaluate, type ImageFamily } from '../../../src/metrics/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { MEAN, pictureEmbedding, SIDE, STD, textEmbedding, tinyClip, tinyIds, writeFiles } from './tiny-clip.ts'

const references = {
  images: [
    { id: 1, file_name: 'one.png' },
    { id: 2, file_name: 'two.png' },
    { id: 3, file_name: 'three.png' },
  ],
  annotations: [
    { image_id: 1, caption: 'a red dog' },
    { image_id: 1, caption: 'dog' },
    { image_id: 2, caption: 'a cat' },
    { image_id: 3, caption: 'the red cat acts' },
  ],
}
const captions = ['a dog', 'Red cat', 'act']
const results = captions.map((caption, i) => ({ image_id: i + 1, caption }))
/** Width and height of the pictures. */
const SIZES = [
  [20, 12],
  [9, 30],
  [8, 8],
] as const

const colour = (picture: number, x: number, y: number): number[] => [
  (x * 23 + picture * 50) % 256,
  (y * 17 + x * 5) % 256,
  ((x + y) * 11 + picture * 90) % 256,
]
const pixelsOf = (picture: number): { width: number; height: number; pixels: Uint8Array } => {
  const [width, height] = SIZES[picture]!
  const all = Array.from({ length: width * height }, (_, i) => colour(picture, i % width, Math.floor(i / width)))
  return { width, height, pixels: Uint8Array.from(all.flat()) }
}

/** A folder with a tiny CLIP in `clip` and three pictures in `images`. */
async function folderWith(files: Record<string, Uint8Array | string> = tinyClip()): Promise<string> {
  const folder = await temporaryFolder()
  await writeFiles(join(folder, 'clip'), files)
  await mkdir(join(folder, 'images'))
  for (const [i, name] of ['one', 'two', 'three'].entries()) {
    const { width, height, pixels } = pixelsOf(i)
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(folder, 'images', `${name}.png`))
  }
  return folder
}

const metricsIn = (folder: string) =>
  clipScores(nodeEngine, { clip: join(folder, 'clip'), images: join(folder, 'images') })

async function scoresIn(folder: string, input: object = { references, results }) {
  const { families, release } = metricsIn(folder)
  const evaluation = await evaluate({ references, results, metrics: ['bleu'], ...input, more: families })
  await release()
  return evaluation
}

// An independent computation: the paper's formulas, on embeddings computed without ONNX.
const normalised = (vector: readonly number[]): number[] => vector.map((value) => value / Math.hypot(...vector))
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const textOf = (caption: string): number[] => normalised(textEmbedding(tinyIds(`A photo depicts ${caption}`)))
function pictureOf(picture: number): number[] {
  const source = pixelsOf(picture)
  const [width, height] = SIZES[picture]!
  const [wide, high] =
    width < height ? [SIDE, Math.trunc((SIDE * height) / width)] : [Math.trunc((SIDE * width) / height), SIDE]
  const window = { left: Math.floor((wide - SIDE) / 2), top: Math.floor((high - SIDE) / 2), width: SIDE, height: SIDE }
  const square = resizeBicubic(source, wide, high, window)
  const planes = [0, 1, 2].flatMap((channel) =>
    Array.from({ length: SIDE * SIDE }, (_, i) => (square[3 * i + channel]! / 255 - MEAN[channel]!) / STD[channel]!),
  )
  return normalised(pictureEmbedding(planes))
}
const expected = captions.map((caption, i) => {
  const own = references.annotations.filter(({ image_id }) => image_id === i + 1)
  const clipScore = 2.5 * Math.max(dot(pictureOf(i), textOf(caption)), 0)
  const best = Math.max(...own.map((reference) => dot(textOf(caption), textOf(reference.caption))))
  const refClipScore = clipScore === 0 ? 0 : (2 * clipScore * best) / (clipScore + best)
  return { clipScore, refClipScore }
})

describe('CLIPScore', () => {
  for (const masked of [false, true])
    test(`is 2.5 max(cos, 0) of the paper, ${masked ? 'with' : 'without'} an attention mask`, async () => {
      const { images, scores } = await scoresIn(await folderWith(tinyClip({ masked })))
      for (const [i, { clipScore, refClipScore }] of expected.entries()) {
        expect(images[i]!.scores.CLIPScore).toBeCloseTo(clipScore, 5)
        expect(images[i]!.scores.RefCLIPScore).toBeCloseTo(refClipScore, 5)
      }
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      const [clip, ref] = scores.filter(({ name }) => name.endsWith('CLIPScore'))
      expect(clip!.score).toBeCloseTo(mean(expected.map(({ clipScore }) => clipScore)), 5)
      expect(ref!.score).toBeCloseTo(mean(expected.map(({ refClipScore }) => refClipScore)), 5)
      // The test means nothing unless some cosines are positive and some are not.
      expect(expected.filter(({ clipScore }) => clipScore > 0).length).toBeGreaterThan(0)
    })

  test('has a signature of the model, the prompt and the pixels, and its ranges', async () => {
    const { scores } = await scoresIn(await folderWith())
    expect(scores.find(({ name }) => name === 'CLIPScore')).toMatchObject({ range: [0, 2.5] })
    expect(scores.find(({ name }) => name === 'CLIPScore')!.signature).toMatch(
      /^CLIPScore\|clip:[0-9a-f]{12}\+[0-9a-f]{12}\+[0-9a-f]{12}\|prompt:A-photo-depicts\|w:2.5\|pixels:8-bicubic\|refs:1-2\|images:3\|version:\d+$/,
    )
    expect(scores.find(({ name }) => name === 'RefCLIPScore')!.range[1]).toBeCloseTo(10 / 7, 12)
  })

  test('compares two systems, and resamples', async () => {
    const other = results.toReversed().map(({ caption }, i) => ({ image_id: i + 1, caption }))
    const { scores } = await scoresIn(await folderWith(), { compare: other, bootstrap: { samples: 20, seed: 1 } })
    const { score, interval, comparison } = scores.find(({ name }) => name === 'CLIPScore')!
    expect(interval![0]).toBeLessThanOrEqual(score)
    const mean =
      other.reduce((sum, { caption }, i) => sum + 2.5 * Math.max(dot(pictureOf(i), textOf(caption)), 0), 0) / 3
    expect(comparison!.other).toBeCloseTo(mean, 5)
  })

  test('finds models in the folder "onnx", and pictures by id and by padded id', async () => {
    const { 'vision_model.onnx': vision, 'text_model.onnx': text, ...others } = tinyClip()
    const folder = await folderWith({ 'onnx/vision_model.onnx': vision!, 'onnx/text_model.onnx': text!, ...others })
    await rename(join(folder, 'images/one.png'), join(folder, 'images/1.png'))
    await rename(join(folder, 'images/two.png'), join(folder, 'images/000000000002.jpg'))
    await rename(join(folder, 'images/three.png'), join(folder, 'images/COCO_val2014_000000000003.jpg'))
    const plain = { 1: ['a red dog', 'dog'], 2: ['a cat'], 3: ['the red cat acts'] }
    const { images } = await scoresIn(folder, { references: plain })
    for (const [i, { clipScore }] of expected.entries()) expect(images[i]!.scores.CLIPScore).toBeCloseTo(clipScore, 5)
  })

  test.each([
    [
      'a file that is missing',
      { 'text_model.onnx': undefined },
      /Cannot open CLIP ".*clip": it has no text_model.onnx; give a folder with vision_model.onnx/,
    ],
    [
      'a tokenizer that is not JSON',
      { 'tokenizer.json': '{' },
      /Cannot read CLIP's ".*tokenizer.json": it is not JSON/,
    ],
    ['a model that is not ONNX', { 'vision_model.onnx': 'no' }, /Cannot run CLIP's ".*vision_model.onnx"/],
    [
      'models that were exchanged',
      { 'vision_model.onnx': tinyClip()['text_model.onnx']! },
      /Cannot use CLIP's ".*vision_model.onnx": it has no output "image_embeds" \(it has text_embeds, hidden\)/,
    ],
    [
      'preprocessing that is not a size',
      { 'preprocessor_config.json': '{"size": "large"}' },
      /Cannot read CLIP's ".*preprocessor_config.json": size is "large" and should be a number or an object/,
    ],
    [
      'a crop that is larger than the picture',
      { 'preprocessor_config.json': '{"size": {"shortest_edge": 8}, "crop_size": {"height": 9, "width": 9}}' },
      /it crops 9 pixels out of 8/,
    ],
  ] as const)('refuses %s', async (_, change, message) => {
    const files = Object.fromEntries(
      Object.entries({ ...tinyClip(), ...change }).flatMap(([name, content]) =>
        content === undefined ? [] : [[name, content]],
      ),
    )
    await expect(scoresIn(await folderWith(files))).rejects.toThrow(message)
  })

  test('refuses missing pictures, names that lead out of the folder, and files that are not pictures', async () => {
    const folder = await folderWith()
    const named = (file_name: string) => ({
      references: { ...references, images: [{ id: 1, file_name }, ...references.images.slice(1)] },
    })
    await writeFile(join(folder, 'secret.png'), 'x')
    await writeFile(join(folder, 'images/text.png'), 'x')
    await expect(scoresIn(folder, named('four.png'))).rejects.toThrow(
      /no picture of image "1" in ".*images" \(it should be "four.png"\)/,
    )
    await expect(scoresIn(folder, named('../secret.png'))).rejects.toThrow(/no picture of image "1"/)
    await expect(scoresIn(folder, named('text.png'))).rejects.toThrow(/Cannot read image ".*text.png"/)
  })

  test('loads the model once for both scores', async () => {
    const { families, release } = metricsIn(await folderWith())
    const load = (family: ImageFamily) => family.load()
    const [first, second] = await Promise.all(families.map(load))
    expect(first!.choices).toBe(second!.choices)
    await release()
    await release()
  })
})
