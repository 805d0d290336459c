import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCoco } from '../../src/data/coco.ts'
import { UserError } from '../../src/errors.ts'
import { folderOf } from './folder.ts'

const train = {
  images: [
    { id: 9, file_name: '000000000009.jpg', height: 480, width: 640 },
    { id: 25, file_name: '000000000025.jpg', height: 480, width: 640 },
  ],
  annotations: [
    { image_id: 25, id: 1, caption: 'A giraffe.' },
    { image_id: 9, id: 2, caption: 'Food in boxes.' },
    { image_id: 25, id: 3, caption: 'Two giraffes. ' },
  ],
}
const val = {
  images: [{ id: 42, file_name: '000000000042.jpg' }],
  annotations: [{ image_id: 42, id: 4, caption: 'Shoes.' }],
}

describe('readCoco()', () => {
  test('returns the images of train and val with their captions in the order of the file', async () => {
    const root = folderOf({
      'annotations/captions_train2017.json': train,
      'annotations/captions_val2017.json': val,
      'train2017/000000000009.jpg': '',
      'images/val2017/000000000042.jpg': '',
    })
    const source = await readCoco({ root })
    expect(source.name).toBe('coco2017')
    expect(source.imageRoot).toBe(root)
    expect(source.images).toEqual([
      { id: '9', file: 'train2017/000000000009.jpg', split: 'train', captions: ['Food in boxes.'] },
      { id: '25', file: 'train2017/000000000025.jpg', split: 'train', captions: ['A giraffe.', 'Two giraffes. '] },
      { id: '42', file: 'images/val2017/000000000042.jpg', split: 'val', captions: ['Shoes.'] },
    ])
    expect(source.problems).toEqual([])
  })

  test('reads the files of 2014 without an annotations folder, and reports a missing split', async () => {
    const root = folderOf({ 'captions_val2014.json': val })
    const source = await readCoco({ root })
    expect(source.name).toBe('coco2014')
    expect(source.images.map(({ file, split }) => [file, split])).toEqual([['val2014/000000000042.jpg', 'val']])
    expect(source.problems).toEqual([`no train split: captions_train2014.json is missing under "${root}"`])
  })

  test('finds images directly in the folder of images', async () => {
    const root = folderOf({ 'captions_val2017.json': val, 'pictures/000000000042.jpg': '' })
    const { imageRoot, images } = await readCoco({ root, images: join(root, 'pictures') })
    expect([imageRoot, images[0]!.file]).toEqual([join(root, 'pictures'), '000000000042.jpg'])
  })

  test('starts at the folder of the images where a file name has a folder, with Windows paths too', async () => {
    const images = [
      { id: 1, file_name: 'val2017/a.jpg' },
      { id: 2, file_name: 'other\\b.jpg' },
      { id: 3, file_name: 'c.jpg' },
    ]
    const root = folderOf({ 'captions_val2017.json': { images, annotations: [] } })
    const source = await readCoco({ root })
    expect(source.images.map(({ file }) => file)).toEqual(['val2017/a.jpg', 'other/b.jpg', 'val2017/c.jpg'])
  })

  test('reads ids as text, numbers beyond 2^53 and ids that are numbers in one place and text in another', async () => {
    const text = `{"images": [{"id": "vizwiz_1", "file_name": "a.jpg"}, {"id": 9007199254740993, "file_name": "b.jpg"},
      {"id": 7, "file_name": "c.jpg"}], "annotations": [{"image_id": "vizwiz_1", "caption": "A."},
      {"image_id": 9007199254740993, "caption": "B."}, {"image_id": "7", "caption": "C.", "score": NaN}]}`
    const { images } = await readCoco({ root: folderOf({ 'captions_val2017.json': text }) })
    expect(images.map(({ id, captions }) => [id, captions])).toEqual([
      ['vizwiz_1', ['A.']],
      ['9007199254740993', ['B.']],
      ['7', ['C.']],
    ])
  })

  test('leaves out captions that are rejected or pre-canned, and says how many', async () => {
    const annotations = [
      { image_id: 42, caption: 'Shoes.', is_rejected: false, is_precanned: false },
      { image_id: 42, caption: 'Quality issues are too severe.', is_precanned: true },
      { image_id: 42, caption: 'asdf', is_rejected: 1 },
      { image_id: 42, caption: null },
    ]
    const root = folderOf({ 'captions_val2017.json': { ...val, annotations }, 'captions_train2017.json': train })
    const { images, problems } = await readCoco({ root })
    expect(images.at(-1)!.captions).toEqual(['Shoes.', ''])
    expect(problems).toEqual(['2 val captions skipped, marked as rejected or pre-canned'])
  })

  test('reads train.json and val.json, as VizWiz has them', async () => {
    const root = folderOf({ 'annotations/val.json': val, 'val/000000000042.jpg': '' })
    const { name, images, problems } = await readCoco({ root })
    expect([name, images[0]!.file]).toEqual(['coco', 'val/000000000042.jpg'])
    expect(problems).toEqual([`no train split: train.json is missing under "${root}"`])
  })

  test('refuses annotations of both years without `year`', async () => {
    const root = folderOf({ 'captions_val2014.json': val, 'captions_train2017.json': train })
    await expect(readCoco({ root })).rejects.toThrow(
      'it has the annotations of 2014 and of 2017; choose one with --year',
    )
    expect((await readCoco({ root, year: 2014 })).images).toHaveLength(1)
  })

  test('reports captions of images that the file does not have', async () => {
    const annotations = [...val.annotations, { image_id: 7, caption: 'A ghost.' }]
    const root = folderOf({ 'captions_val2017.json': { ...val, annotations }, 'captions_train2017.json': train })
    const { problems } = await readCoco({ root })
    expect(problems).toEqual(['1 val caption skipped, of images not in the file: 7'])
  })

  const path = 'captions_val2017.json'
  test.each([
    [
      'a caption that is a number',
      { ...val, annotations: [{ image_id: 42, caption: 5 }] },
      `${path}": annotations[0].caption is 5 and should be a string`,
    ],
    [
      'an image without file',
      { ...val, images: [{ id: 42 }] },
      `${path}": images[0].file_name is missing and should be a string`,
    ],
    [
      'an id that is a fraction',
      { ...val, images: [{ id: 4.2, file_name: 'a' }] },
      'images[0].id is 4.2 and should be an integer or text',
    ],
    ...['../a.jpg', 'x/../../a.jpg', '/etc/a.jpg', 'C:\\a.jpg', '..\\a.jpg'].map((name): [string, unknown, string] => [
      `the file name ${name}, which leaves the folder`,
      { ...val, images: [{ id: 42, file_name: name }] },
      `images[0].file_name is ${JSON.stringify(name)} and should be a path below the folder of the images`,
    ]),
    [
      'an id of blanks',
      { ...val, images: [{ id: ' ', file_name: 'a' }] },
      'images[0].id is " " and should be an integer or text',
    ],
    [
      'an id of two images',
      { ...val, images: [val.images[0], val.images[0]] },
      'images[1].id is 42 and should be different from the ids of other images',
    ],
    ['an annotation that is null', { ...val, annotations: [null] }, 'annotations[0] is null and should be an object'],
    ['a file without images', { annotations: [] }, 'images is missing and should be an array'],
    ['a list', [], 'the file is [] and should be an object'],
    ['a truncated file', '{"images": [', 'it is not JSON: line 1, column 13'],
    [
      'a folder without annotations',
      undefined,
      'there is no captions_train2017.json or captions_val2017.json in it or in its annotations/; give the folder',
    ],
    [
      'an id nested 20,000 deep',
      `{"images":[{"id":${'['.repeat(20_000)}${']'.repeat(20_000)},"file_name":"a.jpg"}],"annotations":[]}`,
      `images[0].id is ${'['.repeat(57)}... and should be an integer or text`,
    ],
    [
      'an image nested 20,000 deep',
      `{"images":[${'['.repeat(20_000)}${']'.repeat(20_000)}]}`,
      `images[0] is ${'['.repeat(57)}... and should be an object`,
    ],
  ])('refuses %s', async (_, content, message) => {
    const reading = readCoco({ root: folderOf(content === undefined ? {} : { [path]: content }) })
    await expect(reading).rejects.toThrow(UserError)
    await expect(reading).rejects.toThrow(message)
  })
})
