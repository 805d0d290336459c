import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Dataset } from '../../src/data/dataset.ts'
import { readKarpathy } from '../../src/data/karpathy.ts'
import { prepare } from '../../src/data/prepare.ts'
import { UserError } from '../../src/errors.ts'
import { folderOf, shared } from './folder.ts'

const image = (split: string, cocoid: number) => ({
  filepath: 'val2014',
  filename: `COCO_val2014_${cocoid}.jpg`,
  split,
  cocoid,
  sentences: [{ tokens: ['not', 'these'], raw: 'A man. ' }, { raw: 'Two men.' }],
})
const read = (content: unknown) => readKarpathy({ file: join(folderOf({ 'dataset.json': content }), 'dataset.json') })

describe('readKarpathy()', () => {
  test('uses restval for training and keeps val and test', async () => {
    const images = ['train', 'restval', 'val', 'test'].map(image)
    const source = await read({ images, dataset: 'coco' })
    expect(source.name).toBe('coco')
    expect(source.images.map(({ id, split }) => [id, split])).toEqual([
      ['0', 'train'],
      ['1', 'train'],
      ['2', 'val'],
      ['3', 'test'],
    ])
    expect(source.images[3]!.file).toBe('val2014/COCO_val2014_3.jpg')
    expect(source.images[3]!.captions).toEqual(['A man. ', 'Two men.'])
  })

  test('identifies the images of the Flickr files by file name', async () => {
    const images = [{ filename: '1000_a.jpg', split: 'train', imgid: 0, sentences: [{ raw: 'A dog.' }] }]
    const source = await read({ images, dataset: 'flickr30k' })
    expect(source.images).toEqual([{ id: '1000_a', file: '1000_a.jpg', split: 'train', captions: ['A dog.'] }])
  })

  test('keeps an image whose caption is null, for prepare() to report', async () => {
    const { images } = await read({ images: [{ ...image('val', 1), sentences: [{ raw: null }, { raw: 'A man.' }] }] })
    expect(images[0]!.captions).toEqual(['', 'A man.'])
  })

  test.each([
    ['all in one folder', 'COCO_val2014_000000391895.jpg'],
    ['of 2017', 'train2017/000000391895.jpg'],
  ])('prepare() finds the pictures %s', async (_, picture) => {
    const filename = 'COCO_val2014_000000391895.jpg'
    const root = folderOf({ 'dataset.json': { images: [{ ...image('val', 391895), filename }] }, [picture]: '' })
    const out = join(root, 'data')
    const { images } = await prepare({ source: 'karpathy', file: join(root, 'dataset.json'), out, minCount: 1 })
    expect(images.val).toBe(1)
    expect((await Dataset.open(out)).split('val').map(({ id, file }) => [id, file])).toEqual([['391895', picture]])
  })

  test.each([
    ['../val2014', 'a.jpg'],
    ['val2014', '../../a.jpg'],
    ['/etc', 'a.jpg'],
    ['C:\\pictures', 'a.jpg'],
  ])('refuses the picture %s/%s, which leaves the folder', async (filepath, filename) => {
    await expect(read({ images: [{ ...image('val', 1), filepath, filename }] })).rejects.toThrow(
      /images\[0\]\.filename is ".*a\.jpg" and should be a path below the folder of the images/,
    )
  })

  test.each([
    [
      'a split that does not exist',
      { images: [image('dev', 1)] },
      'images[0].split is "dev" and should be one of train, restval, val, test',
    ],
    [
      'a sentence without raw caption',
      { images: [image('val', 1), { ...image('val', 2), sentences: [{ tokens: [] }] }] },
      'images[1].sentences[0].raw is missing',
    ],
    [
      'sentences that are not an array',
      { images: [{ ...image('val', 2), sentences: {} }] },
      'images[0].sentences is {} and should be an array',
    ],
    ['a file in another format', { annotations: [] }, 'images is missing and should be an array'],
  ])('refuses %s', async (_, content, message) => {
    const reading = read(content)
    await expect(reading).rejects.toThrow(UserError)
    await expect(reading).rejects.toThrow(message)
  })

  const sample = join(shared, 'data/bottom-up-sample/dataset_coco_testing.json')
  test.skipIf(!existsSync(sample))('reads a sample of the published file (skipped without ../shared)', async () => {
    const { images } = await readKarpathy({ file: sample })
    expect(images.map(({ id, split, file }) => `${id} ${split} ${existsSync(join(sample, '..', file))}`)).toEqual([
      '391895 test true',
      '522418 train true',
      '184613 val true',
      '57870 train true',
      '384029 train true',
    ])
    expect(images.every(({ captions }) => captions.length === 5)).toBe(true)
  })
})
