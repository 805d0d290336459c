import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readFlickr8k } from '../../src/data/flickr8k.ts'
import { UserError } from '../../src/errors.ts'
import { folderOf } from './folder.ts'

const files = {
  'Flickr8k.token.txt': 'b_1.jpg#0\tA dog .\nb_1.jpg#1\tTwo\tdogs .\na_2.jpg#0\tA cat .\nc_3.jpg.1#0\tA cow .\n',
  'Flickr_8k.trainImages.txt': 'b_1.jpg\n',
  'Flickr_8k.devImages.txt': 'a_2.jpg\n',
  'Flickr_8k.testImages.txt': 'd_4.jpg\n',
  'images/b_1.jpg': '',
}

describe('readFlickr8k()', () => {
  test('returns the images of the split lists with their captions in the order of the file', async () => {
    const root = folderOf(files)
    const source = await readFlickr8k({ root })
    expect(source.name).toBe('flickr8k')
    expect(source.imageRoot).toBe(root)
    expect(source.images).toEqual([
      { id: 'b_1', file: 'images/b_1.jpg', split: 'train', captions: ['A dog .', 'Two\tdogs .'] },
      { id: 'a_2', file: 'images/a_2.jpg', split: 'val', captions: ['A cat .'] },
      { id: 'd_4', file: 'images/d_4.jpg', split: 'test', captions: [] },
    ])
    expect(source.problems).toEqual(['1 image skipped, in no split list: c_3.jpg.1'])
  })

  test('returns the files it read, with size and hash', async () => {
    const root = folderOf({ ...files, 'Flickr_8k.devImages.txt': 'abc' })
    const source = await readFlickr8k({ root })
    expect(source.files.map(({ path }) => path)).toEqual([
      join(root, 'Flickr8k.token.txt'),
      join(root, 'Flickr_8k.trainImages.txt'),
      join(root, 'Flickr_8k.devImages.txt'),
      join(root, 'Flickr_8k.testImages.txt'),
    ])
    // FIPS 180-2, appendix B.1
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(source.files[2]).toMatchObject({ bytes: 3, sha256 })
  })

  test('reports a missing split list', async () => {
    const { 'Flickr_8k.testImages.txt': _, ...rest } = files
    const root = folderOf(rest)
    const { images, problems } = await readFlickr8k({ root })
    expect(problems).toContain(`no test split: the list Flickr_8k.testImages.txt is missing in "${root}"`)
    expect(images.map(({ split }) => split)).toEqual(['train', 'val'])
  })

  test('removes carriage returns and the byte order mark', async () => {
    const crlf = Object.entries(files).map(([name, text]) => [name, `\ufeff${text.replaceAll('\n', '\r\n')}`])
    const source = await readFlickr8k({ root: folderOf(Object.fromEntries(crlf)) })
    expect(source.images).toEqual((await readFlickr8k({ root: folderOf(files) })).images)
  })

  test.each([
    [
      'the archive puts them',
      { 'images/b_1.jpg': undefined, 'Flicker8k_Dataset/b_1.jpg': '' },
      'Flicker8k_Dataset/b_1.jpg',
    ],
    ['they are next to the lists', { 'images/b_1.jpg': undefined, 'b_1.jpg': '' }, 'b_1.jpg'],
  ])('finds the images where %s', async (_, change, file) => {
    const present = Object.entries({ ...files, ...change }).filter(([, text]) => text !== undefined)
    const { images } = await readFlickr8k({ root: folderOf(Object.fromEntries(present)) })
    expect(images[0]!.file).toBe(file)
  })

  test('reads the texts in Flickr8k_text and the images in another folder', async () => {
    const root = folderOf(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`Flickr8k_text/${name}`, text])),
    )
    const { images, imageRoot } = await readFlickr8k({ root, images: '/pictures' })
    expect(imageRoot).toBe('/pictures')
    expect(images[0]!.file).toBe('b_1.jpg')
  })

  test.each([
    [
      'a line without tab',
      { 'Flickr8k.token.txt': 'b_1.jpg#0\tA dog .\nb_1.jpg#1 Two dogs .\n' },
      /line 2 is "b_1.jpg#1 Two dogs \."/,
    ],
    ['a line without number', { 'Flickr8k.token.txt': 'b_1.jpg\tA dog .\n' }, /line 1 is "b_1.jpg\\tA dog \."/],
    [
      'an image in two splits',
      { 'Flickr_8k.testImages.txt': 'b_1.jpg\n' },
      /testImages.txt": b_1.jpg is also in the train list/,
    ],
    ['no caption file', { 'Flickr8k.token.txt': undefined }, /Flickr8k.token.txt": there is no such file/],
    [
      'no split list',
      Object.fromEntries(['train', 'dev', 'test'].map((name) => [`Flickr_8k.${name}Images.txt`, undefined])),
      /all of its split lists are missing; put Flickr_8k.trainImages.txt into the folder of Flickr8k.token.txt/,
    ],
  ])('refuses %s', async (_, change, message) => {
    const present = Object.entries({ ...files, ...change }).filter(([, text]) => text !== undefined)
    const reading = readFlickr8k({ root: folderOf(Object.fromEntries(present)) })
    await expect(reading).rejects.toThrow(UserError)
    await expect(reading).rejects.toThrow(message)
  })
})
