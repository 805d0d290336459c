import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
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
    /it names 1 picture; a dataset needs 3 or more, for training, validation and test/,
  ],
  ['captions.tsv', 'image\tcaption\n', /it names 0 pictures; a dataset needs 3 or more/],
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
    'it names 3 pictures, of which 1 exists and has a caption; a dataset needs 3 or more',
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

/** A folder of files, each with text; pictures are empty. */
async function folderOfFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(await temporaryFolder(), 'mine')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const row = (name: string) => `${JSON.stringify({ file_name: name, text: 'A dog.' })}\n`
const splitsOf = ({ images }: { images: readonly { file: string; split: string }[] }) =>
  images.map(({ file, split }) => `${split} ${file}`)

test('metadata in the folders train/, validation/ and test/ gives the splits', async () => {
  const root = await folderOfFiles({
    'train/metadata.jsonl': row('1.jpg') + row('deep/2.jpg'),
    'train/1.jpg': '',
    'train/deep/2.jpg': '',
    'validation/metadata.csv': 'file_name,text\n1.jpg,"A dog, running."\n',
    'validation/1.jpg': '',
    'test/metadata.jsonl': row('1.jpg'),
    'test/1.jpg': '',
  })
  const source = await readCaptionedFolder({ root })
  expect(splitsOf(source)).toEqual([
    'test test/1.jpg',
    'train train/1.jpg',
    'train train/deep/2.jpg',
    'val validation/1.jpg',
  ])
  expect(source.images.map(({ id }) => id)).toEqual(['test/1', 'train/1', 'train/deep/2', 'validation/1'])
  expect(source.images[3]!.captions).toEqual(['A dog, running.'])
  expect(source.files.map(({ path }) => path.slice(root.length + 1))).toEqual([
    'train/metadata.jsonl',
    'validation/metadata.csv',
    'test/metadata.jsonl',
  ])
})

test('folders named as splits give the splits with one captions file, and a split column does', async () => {
  const names = ['train/1.jpg', 'train/2.jpg', 'dev/3.jpg', 'test/4.jpg']
  const pictures = Object.fromEntries(names.map((name) => [name, '']))
  const expected = ['val dev/3.jpg', 'test test/4.jpg', 'train train/1.jpg', 'train train/2.jpg']
  const byFolder = await folderOfFiles({ ...pictures, 'metadata.jsonl': names.map(row).join('') })
  expect(splitsOf(await readCaptionedFolder({ root: byFolder }))).toEqual(expected)
  const rows = ['a.jpg,train', 'b.jpg,restval', 'c.jpg,val', 'd.jpg,test'].map((each) => `${each},A dog.`)
  const byColumn = await folderOfFiles({
    'captions.csv': `filename,split,raw\n${rows.join('\n')}`,
    ...{ 'a.jpg': '', 'b.jpg': '', 'c.jpg': '', 'd.jpg': '' },
  })
  expect(splitsOf(await readCaptionedFolder({ root: byColumn }))).toEqual([
    'train a.jpg',
    'train b.jpg',
    'val c.jpg',
    'test d.jpg',
  ])
})

test('without a validation split, a tenth of the training images is used for it', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `train/${i}.jpg`).concat('test/1.jpg')
  const pictures = Object.fromEntries(names.map((name) => [name, '']))
  const source = await readCaptionedFolder({
    root: await folderOfFiles({ ...pictures, 'metadata.jsonl': names.map(row).join('') }),
  })
  expect(sizes(source)).toEqual([18, 2, 1])
  expect(source.problems).toEqual(['no validation split: 2 training images are used for it'])
})

test('splits are random if an image has none, or none is for training', async () => {
  const names = ['val/1.jpg', 'val/2.jpg', 'test/3.jpg']
  const pictures = Object.fromEntries(names.map((name) => [name, '']))
  const root = await folderOfFiles({ ...pictures, 'metadata.jsonl': names.map(row).join('') })
  expect(sizes(await readCaptionedFolder({ root }))).toEqual([1, 1, 1])
})

test('a text file beside each picture has its captions, one per line', async () => {
  const root = await folderOfFiles({
    'a.jpg': '',
    'a.txt': 'A dog.\r\n\r\nA brown dog.\r\n',
    'b.JPG': '',
    'b.TXT': '\ufeffA cat.',
    'more/c.d.png': '',
    'more/c.d.caption': 'A cow.',
    'more/e.png': '',
    'readme.txt': 'Not a caption.',
  })
  const { images, problems, files } = await readCaptionedFolder({ root })
  expect(images.map(({ id, file, captions }) => [id, file, captions])).toEqual([
    ['a', 'a.jpg', ['A dog.', 'A brown dog.']],
    ['b', 'b.JPG', ['A cat.']],
    ['more/c.d', 'more/c.d.png', ['A cow.']],
  ])
  expect(problems).toEqual(['1 image skipped, without a text file'])
  expect(files).toEqual([{ path: root, bytes: 39, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }])
})

test('the id is the name in the captions file where the picture has another', async () => {
  const root = await folderOfFiles({
    'captions.csv': 'image,caption\nA.JPG,A dog.\nB.JPG,A cat.\nC.JPG,A cow.\n',
    ...{ 'Images/a.jpg': '', 'Images/b.jpg': '', 'Images/c.jpg': '' },
  })
  const { images } = await readCaptionedFolder({ root })
  expect(images.map(({ id, file }) => [id, file])).toEqual([
    ['A', 'Images/a.jpg'],
    ['B', 'Images/b.jpg'],
    ['C', 'Images/c.jpg'],
  ])
})

test.each([
  ['gzip', 'captions.csv', (text: string) => gzipSync(text)],
  ['UTF-16', 'captions.csv', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
])('a captions file in %s is read', async (_, name, packed) => {
  const root = await folderWith(name, '', ['a.jpg', 'b.jpg', 'c.jpg'])
  await writeFile(join(root, name), packed('image,caption\na.jpg,A café.\nb.jpg,A cat.\nc.jpg,A cow.\n'))
  expect((await readCaptionedFolder({ root })).images[0]!.captions).toEqual(['A café.'])
})
