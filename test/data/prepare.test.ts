import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Dataset } from '../../src/data/dataset.ts'
import { prepare } from '../../src/data/prepare.ts'
import { UserError } from '../../src/errors.ts'
import { folderOf, shared } from './folder.ts'

const files = {
  'Flickr8k.token.txt': [
    'a.jpg#0\tA dog runs .',
    'a.jpg#1\tA dog sleeps !',
    'b.jpg#0\t...',
    'b.jpg#1\tA zebra .',
    'c.jpg#0\tA unicorn sleeps .',
    'd.jpg#0\t. . .',
    'e.jpg#0\tA dog .',
  ].join('\n'),
  'Flickr_8k.trainImages.txt': 'a.jpg\nb.jpg\nd.jpg\ne.jpg\n',
  'Flickr_8k.devImages.txt': 'c.jpg\n',
  'Flickr_8k.testImages.txt': '',
  'images/a.jpg': '',
  'images/b.jpg': '',
  'images/c.jpg': '',
  'images/d.jpg': '',
}

describe('prepare()', () => {
  test('skips and reports images and captions that cannot be used', async () => {
    const root = folderOf(files)
    const out = join(root, 'out')
    const summary = await prepare({ source: 'flickr8k', root, out, minCount: 2 })
    expect(summary).toEqual({
      name: 'flickr8k',
      images: { train: 2, val: 1, test: 0 },
      captions: { train: 3, val: 1, test: 0 },
      vocabularySize: 6, // the special four, a, dog
      unknownShare: { train: 3 / 8, val: 2 / 3, test: 0 }, // runs, sleeps, zebra; unicorn, sleeps
      problems: [
        `1 image skipped, not under "${root}": images/e.jpg`,
        '2 captions skipped, without words: images/b.jpg, images/d.jpg',
        '1 image skipped, without caption: images/d.jpg',
        '37.5% of the words of the training captions are unknown: the vocabulary has words with at least ' +
          '2 occurrences (--min-count 2); give a smaller number, e.g. --min-count 1',
      ],
    })
    const dataset = await Dataset.open(out)
    expect(dataset.header.problems).toEqual(summary.problems)
    expect(dataset.images).toEqual([
      {
        id: 'a',
        file: 'images/a.jpg',
        split: 'train',
        captions: ['A dog runs .', 'A dog sleeps !'],
        tokens: ['a dog runs', 'a dog sleeps'],
      },
      { id: 'b', file: 'images/b.jpg', split: 'train', captions: ['A zebra .'], tokens: ['a zebra'] },
      { id: 'c', file: 'images/c.jpg', split: 'val', captions: ['A unicorn sleeps .'], tokens: ['a unicorn sleeps'] },
    ])
    expect(dataset.vocabulary.words.slice(4)).toEqual(['a', 'dog'])
  })

  test.each([
    [
      'captions without spaces',
      '一只狗在草地上奔跑',
      ['There are 3 of 3 captions in the dataset without spaces between words'],
    ],
    ['segmented captions', '一只 狗 在 草地 上 奔跑', []],
    [
      'leftover tokens',
      '<start> a dog <end>',
      ['3 of 3 captions in the dataset with leftover tokens (<start>, <end>)'],
    ],
  ])('notes %s', async (_, caption, notes) => {
    const names = ['a.jpg', 'b.jpg', 'c.jpg']
    const pictures = Object.fromEntries(names.map((name) => [name, '']))
    const root = folderOf({ ...pictures, 'captions.tsv': names.map((name) => `${name}\t${caption}`).join('\n') })
    const { problems } = await prepare({ source: 'folder', root, out: join(root, 'out'), minCount: 1 })
    expect(problems).toEqual(notes.map((note) => expect.stringContaining(note)))
  })

  test.each([
    [1, 0, []],
    [2, 1, []],
    [2, 2, [expect.stringContaining('18.2% of the words of the training captions are unknown')]],
  ])('with --min-count %i and %i rare words in 10, reports %j', async (minCount, rare, problems) => {
    const images = ['1', '2'].map((id) => ({ id: Number(id), file_name: `${id}.jpg` }))
    const annotations = [
      { image_id: 1, caption: `a a a a ${['zebra', 'emu'].slice(0, rare).join(' ')}` },
      { image_id: 2, caption: 'dog dog dog dog dog' },
    ]
    const files = { 'captions_train2017.json': { images, annotations }, 'train2017/1.jpg': '', 'train2017/2.jpg': '' }
    const root = folderOf(files)
    const reported = (await prepare({ source: 'coco', root, out: join(root, 'out'), minCount })).problems
    expect(reported.filter((problem) => problem.includes('vocabulary'))).toEqual(problems)
  })

  test('reports that there are no training captions, and makes a dataset for evaluation', async () => {
    const images = [{ id: 1, file_name: '1.jpg' }]
    const annotations = [{ image_id: 1, caption: 'A dog.' }]
    const root = folderOf({ 'captions_val2017.json': { images, annotations }, 'val2017/1.jpg': '' })
    const { problems, vocabularySize } = await prepare({ source: 'coco', root, out: join(root, 'out') })
    expect(problems.at(-1)).toBe('no training captions: the vocabulary has no words and nothing can be trained')
    expect(vocabularySize).toBe(4)
  })

  test('reports progress in images and writes nothing when it is stopped', async () => {
    const root = folderOf(files)
    const seen: string[] = []
    const stop = new AbortController()
    const onProgress = (done: number, total: number) => seen.push(`${done}/${total}`)
    await prepare({ source: 'flickr8k', root, out: join(root, 'out'), onProgress })
    expect(seen.at(-1)).toBe('4/4')
    const out = join(root, 'stopped')
    const stopping = prepare({ source: 'flickr8k', root, out, onProgress: () => stop.abort(), signal: stop.signal })
    await expect(stopping).rejects.toThrow('aborted')
    expect(existsSync(out)).toBe(false)
  })

  test.each([
    [
      'all images are missing',
      { 'images/a.jpg': 0, 'images/b.jpg': 0, 'images/c.jpg': 0, 'images/d.jpg': 0 },
      /Flickr8k\.token\.txt".* name 5 images; none is under ".*": looked for a.jpg, b.jpg, d.jpg and 2 more; it has no pictures; give the folder of the images/,
    ],
    [
      'two images have one id',
      { 'Flickr_8k.testImages.txt': 'a.png\n', 'images/a.png': '' },
      /"images\/a.jpg" and "images\/a.png" are both image a; remove one/,
    ],
  ])('refuses where %s', async (_, change, message) => {
    const present = Object.entries({ ...files, ...change }).filter(([, text]) => text !== 0)
    const root = folderOf(Object.fromEntries(present))
    const preparing = prepare({ source: 'flickr8k', root, out: join(root, 'out') })
    await expect(preparing).rejects.toThrow(UserError)
    await expect(preparing).rejects.toThrow(message)
  })

  test.each([0, 1.5, Number.NaN])('refuses minCount %s', async (minCount) => {
    await expect(prepare({ source: 'flickr8k', root: '.', out: '.', minCount })).rejects.toThrow(
      `Cannot prepare with minCount ${minCount}: it must be an integer of at least 1`,
    )
  })

  test('keeps the captions of 3,000 COCO images in the order of the annotations', async () => {
    const images = Array.from({ length: 3000 }, (_, i) => ({ id: i + 1, file_name: `${i + 1}.jpg` }))
    const annotations = Array.from({ length: 15_000 }, (_, i) => ({
      image_id: (i % 3000) + 1,
      caption: `Dog number ${i}.`,
    }))
    const pictures = Object.fromEntries(images.map(({ file_name }) => [`train2017/${file_name}`, '']))
    const root = folderOf({ 'annotations/captions_train2017.json': { images, annotations }, ...pictures })
    const out = join(root, 'out')
    const summary = await prepare({ source: 'coco', root, out })
    expect([summary.images.train, summary.captions.train]).toEqual([3000, 15_000])
    const dataset = await Dataset.open(out)
    expect(dataset.images[2999]!.tokens).toEqual([2999, 5999, 8999, 11_999, 14_999].map((i) => `dog number ${i}`))
  })
})

describe.skipIf(!existsSync(shared))('prepare() on real data (skipped without ../shared)', () => {
  const readAll = (out: string) => readdirSync(out).map((name) => [name, readFileSync(join(out, name), 'latin1')])

  test('prepares Flickr8k: 6,000 training and 1,000 validation images, about 2,535 words', async () => {
    const root = join(shared, 'data/flickr8k')
    const out = folderOf({})
    const summary = await prepare({ source: 'flickr8k', root, out })
    const lines = readFileSync(join(root, 'Flickr8k.token.txt'), 'utf8').split('\n').slice(0, -1)
    expect(summary.images).toEqual({ train: 6000, val: 1000, test: 0 })
    expect(summary.captions.train + summary.captions.val).toBe(lines.length)
    expect(summary.problems).toEqual([expect.stringContaining('Flickr_8k.testImages.txt is missing')])
    expect(summary.vocabularySize).toBeGreaterThan(2500)
    expect(summary.vocabularySize).toBeLessThan(2570)
    // An independent count: split at spaces, as the captions have punctuation as words of their own.
    const train = new Set(readFileSync(join(root, 'Flickr_8k.trainImages.txt'), 'utf8').split('\n'))
    const seen = new Map<string, number>()
    for (const line of lines.filter((each) => train.has(each.split('#')[0]!))) {
      for (const word of line.split('\t')[1]!.toLowerCase().split(' ')) seen.set(word, (seen.get(word) ?? 0) + 1)
    }
    const frequent = [...seen.keys()].filter((word) => word !== '' && seen.get(word)! >= 5)
    const { vocabulary } = await Dataset.open(out)
    const words = new Set(vocabulary.words.slice(4))
    expect(frequent.filter((word) => !words.has(word)).sort()).toEqual(['!', '"', "'", '(', ',', '.', ';', '?'])
    expect([...words].filter((word) => !frequent.includes(word))).toEqual(['&', '-lrb-']) // from "at&t", and for "("
    for (const word of ['dog', 'snowboarder', 'frisbee']) {
      expect(vocabulary.counts[vocabulary.id(word)]).toBe(seen.get(word))
    }
    const first = readAll(out)
    await prepare({ source: 'flickr8k', root, out })
    expect(readAll(out)).toEqual(first)
  })

  test('prepares 80 images of COCO with their official annotations', async () => {
    const out = folderOf({})
    const { images, captions, problems } = await prepare({ source: 'coco', root: join(shared, 'data/coco-mini'), out })
    expect(images).toEqual({ train: 80, val: 0, test: 0 })
    expect(captions.train).toBe(400)
    expect(problems).toEqual([
      expect.stringContaining('captions_val2017.json is missing'),
      expect.stringMatching(/of the training captions are unknown: .* --min-count 1$/), // 400 captions are few
    ])
    const { images: entries } = await Dataset.open(out)
    expect(entries.find(({ id }) => id === '125870')!.tokens[0]).toBe(
      'an airport filled with large passenger jets parked next to each other',
    )
  })

  test("prepares a sample of Karpathy's file with all three splits", async () => {
    const file = join(shared, 'data/bottom-up-sample/dataset_coco_testing.json')
    const { images, problems } = await prepare({ source: 'karpathy', file, out: folderOf({}), minCount: 1 })
    expect(images).toEqual({ train: 3, val: 1, test: 1 })
    expect(problems).toEqual([])
  })
})
