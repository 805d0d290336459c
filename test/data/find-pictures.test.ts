import { describe, expect, test } from 'vitest'
import { findPictures } from '../../src/data/find-pictures.ts'
import { folderOf } from './folder.ts'

/** Looks for `names` in a folder with `pictures`; returns the files that are found, and the problems. */
async function find(names: readonly string[], pictures: readonly string[]) {
  const imageRoot = folderOf(Object.fromEntries(pictures.map((path) => [path, ''])))
  const images = names.map((file) => ({ file }))
  const files = [{ path: 'lists/captions.tsv', bytes: 1, sha256: '' }]
  const found = await findPictures({ name: 'mine', imageRoot, files, images, problems: [] })
  return { files: found.images.map(({ file }) => file), problems: found.problems, imageRoot }
}

describe('findPictures()', () => {
  test.each([
    ['in a folder below', 'a.jpg', 'images/flickr/a.jpg'],
    ['in the folder that the name ends with', 'train/a.jpg', 'data/train/a.jpg'],
    ['without the folder of the name', 'photos/a.jpg', 'a.jpg'],
    ['in other letter case', 'IMG_1.JPG', 'img_1.jpg'],
    ['in other letter case of a folder', 'Photos/a.jpg', 'photos/A.jpg'],
    ['with another ending', 'a.jpeg', 'a.png'],
    ['with an ending where the name has none', 'a.b', 'a.b.jpg'],
    ['with accents as macOS writes them', 'caf\u00e9.jpg', 'cafe\u0301.jpg'],
    ['of 2017 for a name of 2014', 'train2014/COCO_train2014_000000000009.jpg', 'val2017/000000000009.jpg'],
    ['of 2014 for a name of 2017', 'val2017/000000000009.jpg', 'train2014/COCO_train2014_000000000009.jpg'],
    ['of 2014, all in one folder', 'val2014/COCO_val2014_000000000009.jpg', 'COCO_val2014_000000000009.jpg'],
  ])('finds a picture %s', async (_, name, picture) => {
    const { files, problems } = await find(['here.jpg', name], ['here.jpg', picture])
    expect(files).toEqual(['here.jpg', picture])
    expect(problems).toEqual([`1 image found under another name, as in "${picture}" for "${name}"`])
  })

  test('takes no picture twice, and none that fits two names or that has a name of its own', async () => {
    const { files, problems, imageRoot } = await find(
      ['a.jpg', 'A.png', 'A.jpeg', 'b/x.jpg', 'y.jpg'],
      ['a.jpg', 'c/x.jpg', 'd/y.jpg', 'e/y.jpg'],
    )
    expect(files).toEqual(['a.jpg'])
    expect(problems).toEqual([`4 images skipped, not under "${imageRoot}": A.png, A.jpeg, b/x.jpg and 1 more`])
  })

  test('does not read hidden folders', async () => {
    await expect(find(['a.jpg'], ['.cache/a.jpg', 'node_modules/a.jpg'])).rejects.toThrow(/it has no pictures/)
  })

  test.each([
    [
      ['a.jpg', 'b.jpg'],
      ['readme.txt'],
      /mine: "lists\/captions\.tsv" names 2 images; none is under ".*": looked for a\.jpg, b\.jpg; it has no pict/,
    ],
    [
      ['a.jpg'],
      ['x.jpg', 'y.png'],
      /looked for a\.jpg; it has 2 pictures \(x\.jpg, y\.png\); give the folder .* --images/,
    ],
    [['one/a.jpg'], ['two/a.jpg'], /"one\/a\.jpg" may be in the folder "two": give the right one with --images$/],
    [['a.jpg'], ['a.png', 'a.webp'], /"a\.webp" fits several names/],
    [['a dog runs'], ['a.jpg'], /the names have no ending such as \.jpg: check which column has the pictures$/],
    [['\u001b[31m.jpg'], ['a.jpg'], /looked for \\x1b\[31m\.jpg;/],
  ])('refuses %j where there is %j', async (names, pictures, message) => {
    await expect(find(names, pictures)).rejects.toThrow(message)
  })
})
