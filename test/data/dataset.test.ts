import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Dataset, type DatasetContent, writeDataset } from '../../src/data/dataset.ts'
import { UserError } from '../../src/errors.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { folderOf } from './folder.ts'

const content: DatasetContent = {
  name: 'tiny',
  source: { kind: 'flickr8k', files: [{ path: '/t/tokens.txt', bytes: 3, sha256: 'ab' }] },
  imageRoot: '/t',
  problems: ['no test split'],
  images: [
    { id: 'x', file: 'images/x.jpg', split: 'train', captions: ['A dog.', 'Dogs\u2028"!'], tokens: ['a dog', 'dogs'] },
    { id: 'y', file: 'images/y.jpg', split: 'val', captions: ['Ein Hündchen 🐶'], tokens: ['ein hündchen 🐶'] },
    { id: 'z', file: 'images/z.jpg', split: 'train', captions: ['A cat.'], tokens: ['a cat'] },
  ],
  vocabulary: Vocabulary.build([['a', 'dog'], ['dogs'], ['a', 'cat']], { minCount: 1 }),
}

async function written(): Promise<string> {
  const folder = join(folderOf({}), 'made/here')
  await writeDataset(folder, content)
  return folder
}

describe('Dataset', () => {
  test('open() refuses an image that comes twice', async () => {
    const folder = await written()
    const path = join(folder, 'images.jsonl')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"id":"z"', '"id":"x"'))
    await expect(Dataset.open(folder)).rejects.toThrow(`Cannot read "${path}": it has image "x" twice`)
  })

  test('open() reads what writeDataset() wrote', async () => {
    const dataset = await Dataset.open(await written())
    expect(dataset.images).toEqual(content.images)
    expect(dataset.vocabulary).toEqual(content.vocabulary)
    expect(dataset.header).toEqual({
      format: 'mia-dataset/1',
      name: 'tiny',
      source: { ...content.source, captions: 4 },
      imageRoot: '/t',
      tokenizer: 'ptb-3.4.1',
      minCount: 1,
      splits: { train: 2, val: 1, test: 0 },
      problems: ['no test split'],
    })
  })

  test('split() returns the images of a split in order, imagePath() their paths', async () => {
    const dataset = await Dataset.open(await written())
    expect(dataset.split('train').map(({ id }) => id)).toEqual(['x', 'z'])
    expect(dataset.split('test')).toEqual([])
    expect(dataset.imagePath(dataset.split('val')[0]!)).toBe('/t/images/y.jpg')
  })

  test('images.jsonl has one line per image, whatever the captions contain', async () => {
    const lines = readFileSync(join(await written(), 'images.jsonl'), 'utf8').split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[1]).toBe(
      '{"id":"y","file":"images/y.jpg","split":"val","captions":["Ein Hündchen 🐶"],"tokens":["ein hündchen 🐶"]}',
    )
  })

  test('open() stops at its signal', async () => {
    const images = Array.from({ length: 2500 }, (_, i) => ({ ...content.images[0]!, id: String(i) }))
    const folder = join(folderOf({}), 'long')
    await writeDataset(folder, { ...content, images })
    const stop = new AbortController()
    const seen: number[] = []
    const opening = Dataset.open(folder, {
      onProgress: (done, total) => {
        seen.push(done, total)
        stop.abort()
      },
      signal: stop.signal,
    })
    await expect(opening).rejects.toThrow('aborted')
    expect(seen).toEqual([1000, 2500])
  })

  const edit = (file: string, change: (text: string) => string) => (folder: string) =>
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')))
  test.each([
    [
      'a truncated line',
      (folder: string) => truncateSync(join(folder, 'images.jsonl'), 150),
      /images.jsonl": line 2 is not an image/,
    ],
    [
      'an additional line',
      (folder: string) => appendFileSync(join(folder, 'images.jsonl'), '{"id":1}\n'),
      /line 4 is not an image/,
    ],
    ['a line of null', edit('images.jsonl', () => 'null\n'), /line 1 is not an image/],
    [
      'fewer tokens than captions',
      edit('images.jsonl', (text) => text.replace('"a dog",', '')),
      /line 1 is not an image/,
    ],
    [
      'a missing images.jsonl',
      (folder: string) => rmSync(join(folder, 'images.jsonl')),
      /images.jsonl": there is no such file/,
    ],
    [
      'a missing line',
      edit('images.jsonl', (text) => text.slice(text.indexOf('\n') + 1)),
      /images.jsonl has 1 train images and dataset.json says 2/,
    ],
    [
      'another format',
      edit('dataset.json', (text) => text.replace('dataset/1', 'dataset/9')),
      /dataset.json": format is "mia-dataset\/9" and should be "mia-dataset\/1"/,
    ],
    [
      'no image root',
      edit('dataset.json', (text) => text.replace('imageRoot', 'root')),
      /dataset.json": imageRoot is missing/,
    ],
    [
      'a word that is not a string',
      edit('vocabulary.json', (text) => text.replace('"dog"', '{}')),
      /vocabulary.json": words.\d is an object/,
    ],
  ])('open() refuses %s', async (_, spoil, message) => {
    const folder = await written()
    spoil(folder)
    await expect(Dataset.open(folder)).rejects.toThrow(UserError)
    await expect(Dataset.open(folder)).rejects.toThrow(message)
  })

  test('open() refuses a folder without a dataset', async () => {
    await expect(Dataset.open(folderOf({}))).rejects.toThrow(/dataset.json": there is no such file/)
  })

  test('writeDataset() leaves no dataset.json when it is stopped between the files', async () => {
    const folder = await written()
    const broken = {
      ...content,
      get vocabulary(): Vocabulary {
        return {
          minCount: 1,
          toJSON: () => {
            throw new Error('stopped')
          },
        } as unknown as Vocabulary
      },
    }
    await expect(writeDataset(folder, broken)).rejects.toThrow('stopped')
    expect(existsSync(join(folder, 'dataset.json'))).toBe(false)
  })
})
