import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readCaptionedFolder } from '../../src/data/captioned-folder.ts'
import { prepare } from '../../src/data/prepare.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A folder with a captions file and empty pictures. */
async function folderWith(name: string, text: string, pictures: readonly string[] = []): Promise<string> {
  const folder = join(await temporaryFolder(), 'mine')
  await mkdir(folder)
  await writeFile(join(folder, name), text)
  for (const picture of pictures) {
    await mkdir(dirname(join(folder, picture)), { recursive: true })
    await writeFile(join(folder, picture), '')
  }
  return folder
}

/** The number of images per split, in the order train, val, test. */
const sizes = ({ images }: { images: readonly { split: string }[] }) =>
  ['train', 'val', 'test'].map((split) => images.filter((image) => image.split === split).length)

const names = Array.from({ length: 20 }, (_, i) => `trip/${String(i).padStart(2, '0')}.jpg`)

test.each([
  ['captions.tsv', (name: string, caption: string) => `${name}\t${caption}`],
  ['captions.txt', (name: string, caption: string) => `${name}\t${caption}\r`],
  ['metadata.jsonl', (name: string, caption: string) => JSON.stringify({ file_name: name, text: caption })],
])('a folder with %s: captions by picture, and reproducible splits of 8 : 1 : 1', async (file, line) => {
  const lines = names.flatMap((name) => [line(name, `A tab\tin ${name}`), line(name, 'another')])
  const folder = await folderWith(file, `${lines.reverse().join('\n')}\n`, names)
  const source = await readCaptionedFolder({ root: folder })
  expect(source).toMatchObject({ name: 'mine', imageRoot: folder, problems: [] })
  expect(source.images.map((image) => image.file)).toEqual(names)
  expect(source.images[3]).toMatchObject({ id: 'trip/03', captions: ['another', 'A tab\tin trip/03.jpg'] })
  expect(sizes(source)).toEqual([16, 2, 2])
  expect(await readCaptionedFolder({ root: folder, file: join(folder, file) })).toEqual(source)
})

test.each([
  [
    'captions.tsv',
    'a.jpg A dog.\n',
    /captions\.tsv": line 1 is "a\.jpg A dog\." and should be a picture, a tab and a caption/,
  ],
  [
    'metadata.jsonl',
    '\n{"file_name": "a.jpg"}\n',
    /line 2 has only the field file_name; expected lines .* or JSON Lines \{"file_name": "picture\.jpg",/,
  ],
  [
    'captions.tsv',
    'a.jpg\tA dog.\na.jpg\tA cat.\n',
    /it names 1 picture; a data set needs 3 or more, for training, validation and test/,
  ],
  ['captions.tsv', 'image\tcaption\n', /it names 0 pictures; a data set needs 3 or more/],
  ['captions.tsv', ' \tA dog.\n', /line 1 is " \\tA dog\." and should be a picture, a tab and a caption/],
  [
    'captions.tsv',
    'a.jpg\tA dog.\nimage\tcaption\n../b.jpg\tA cat.\n',
    /line 3 names "\.\.\/b\.jpg", which is outside of/,
  ],
  [
    'captions.tsv',
    'x/../..\tA dog.\n',
    /line 1 names "x\/\.\.\/\.\.", which is outside of ".*mine"; give names relative to that folder/,
  ],
  ['captions.tsv', '/etc/a.jpg\tA dog.\n', /line 1 names "\/etc\/a\.jpg"/],
  ['captions.tsv', 'C:\\a.jpg\tA dog.\n', /line 1 names "C:\\\\a\.jpg"/],
  ['metadata.jsonl', '{"file_name": "../a.jpg", "text": "A dog."}\n', /line 1 names "\.\.\/a\.jpg"/],
  ['other.csv', '', /it has neither captions\.tsv, captions\.txt, .* with the name of a picture; write lines/],
])('a folder with a wrong %s is refused: %j', async (file, text, message) => {
  await expect(readCaptionedFolder({ root: await folderWith(file, text, ['a.jpg']) })).rejects.toThrow(message)
})

test.each(['image\tcaption', 'FILE_NAME \t Caption\r', '\ufeff\nImage\tCaption'])(
  'a header line %j is skipped, and spaces around file names are removed',
  async (header) => {
    const pictures = ['a.jpg', '..b.jpg', 'image']
    const text = `${header}\n a.jpg \tA dog.\n./sub/../..b.jpg\tA cat.\nimage\tcaption\n`
    const { images } = await readCaptionedFolder({ root: await folderWith('captions.tsv', text, pictures) })
    expect(images.map(({ file, captions }) => [file, captions])).toEqual([
      ['..b.jpg', ['A cat.']],
      ['a.jpg', ['A dog.']],
      ['image', ['caption']],
    ])
  },
)

test.each([
  ['are missing', (name: string) => `${name}\tA dog.`, []],
  ['have no words', (name: string) => `${name}\t ...`, names],
])('pictures that %s are not split, so that no split is empty', async (_, line, others) => {
  for (let kept = 3; kept <= 6; kept++) {
    const present = names.slice(5, 5 + kept)
    const lines = names.map((name) => (present.includes(name) ? `${name}\tA dog.` : line(name)))
    const root = await folderWith('captions.tsv', lines.join('\n'), [...present, ...others])
    const { images, splits } = await prepared(root)
    expect(images).toBe(kept)
    expect(splits).toEqual([kept - 2, 1, 1])
  }
})

test('the error for fewer than three usable pictures counts the named and the usable ones', async () => {
  const root = await folderWith('captions.tsv', 'a.jpg\tA dog.\nb.jpg\t\nc.jpg\tA cat.\n', ['a.jpg', 'b.jpg'])
  await expect(readCaptionedFolder({ root })).rejects.toThrow(
    'it names 3 pictures, of which 1 exists and has a caption; a data set needs 3 or more',
  )
})

test('a missing folder and a file in place of the folder have different errors', async () => {
  const root = await folderWith('captions.tsv', '')
  await expect(readCaptionedFolder({ root: join(root, 'none') })).rejects.toThrow(
    /^Cannot prepare the folder ".*none": there is no such folder; give the folder of the pictures with --root$/,
  )
  const file = join(root, 'captions.tsv')
  await expect(readCaptionedFolder({ root: file, file })).rejects.toThrow(
    /captions\.tsv": it is a file; give the folder/,
  )
})

/** The number of images that prepare() makes of a folder, in all and per split. */
async function prepared(root: string) {
  const { images } = await prepare({ source: 'folder', root, out: join(root, 'out') })
  return { images: images.train + images.val + images.test, splits: [images.train, images.val, images.test] }
}
