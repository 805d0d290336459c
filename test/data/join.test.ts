import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Dataset } from '../../src/data/dataset.ts'
import { joinDatasets } from '../../src/data/join.ts'
import { prepare } from '../../src/data/prepare.ts'
import { folderOf } from './folder.ts'

/** Two folders of pictures below one root, prepared: the names of the pictures of the second are given. */
async function twoDatasets(names: readonly [string, string]) {
  const root = folderOf({
    'first/one.jpg': '',
    'first/two.jpg': '',
    'first/five.jpg': '',
    'second/six.jpg': '',
    'first/captions.tsv': 'one.jpg\tA dog runs .\ntwo.jpg\tA dog .\nfive.jpg\tA bird .\n',
    [`second/${names[0]}`]: '',
    [`second/${names[1]}`]: '',
    'second/captions.tsv': `${names[0]}\tA cat runs .\n${names[1]}\tA dog .\nsix.jpg\tA cow .\n`,
  })
  const data = ['first', 'second'].map((name) => join(root, 'data', name))
  for (const [i, name] of ['first', 'second'].entries())
    await prepare({ source: 'folder', root: join(root, name), out: data[i]!, minCount: 1 })
  return { root, data, out: join(root, 'data', 'both') }
}

test('a joined dataset has the images of all, under one root, with one vocabulary and the name of their dataset', async () => {
  const { root, data, out } = await twoDatasets(['three.jpg', 'four.jpg'])
  const summary = await joinDatasets({ data, out, minCount: 1 })
  const parts = await Promise.all(data.map((folder) => Dataset.open(folder)))
  const both = await Dataset.open(out)
  expect(both.images.map(({ id, dataset }) => [id, dataset])).toEqual(
    parts.flatMap(({ images, header }) => images.map(({ id }) => [id, header.name])),
  )
  expect(both.images.map((image) => both.imagePath(image)).sort()).toEqual(
    [
      ...['one', 'two', 'five'].map((name) => join(root, 'first', `${name}.jpg`)),
      ...['three', 'four', 'six'].map((name) => join(root, 'second', `${name}.jpg`)),
    ].sort(),
  )
  const train = both.split('train').flatMap(({ tokens }) => tokens.flatMap((caption) => caption.split(' ')))
  expect(new Set(both.vocabulary.words.slice(4))).toEqual(new Set(train))
  expect(summary.images).toEqual(both.header.splits)
})

test('the second image of an id gets the name of its dataset', async () => {
  const { data, out } = await twoDatasets(['one.jpg', 'four.jpg'])
  await joinDatasets({ data, out, minCount: 1 })
  const { images } = await Dataset.open(out)
  expect(images.map(({ id }) => id).sort()).toEqual(['five', 'four', 'one', 'second-one', 'six', 'two'])
})

test('a dataset given twice is refused', async () => {
  const { data, out } = await twoDatasets(['three.jpg', 'four.jpg'])
  await expect(joinDatasets({ data: [data[0]!, data[0]!], out })).rejects.toThrow('two of them are called "first"')
})
