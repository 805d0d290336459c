import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CAPTION_FORMATS, type CaptionFormat, imageId, type WritableCaption } from '../../src/disk/caption-layouts.ts'
import { type CaptionWriter, openCaptionWriter } from '../../src/disk/caption-writer.ts'
import { UserError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/folder.ts'

const captionOf = (image: string, caption = `a caption of ${image}`): WritableCaption => ({
  image,
  caption,
  alternatives: [],
  confidence: 0.512345,
  concepts: ['dog', 'grass'],
})

/** Writes captions of the images that have none, and returns how many. */
async function writeAll(writer: CaptionWriter, images: readonly string[]): Promise<number> {
  const missing = images.filter((image) => !writer.has(writer.key(image)))
  for (const image of missing) await writer.write(captionOf(image))
  await writer.close()
  return missing.length
}

const NAMES = ['a.jpg', 'b c.png', 'été.webp', 'new\nline.jpg', 'with "quotes", and commas.jpg', '=1+1.jpg', '7.jpg']

test.each(['csv', 'jsonl', 'coco'] as const)(
  '%s is resumed after a tear at any byte, without duplicates',
  async (format) => {
    const names = NAMES.slice(2, 6)
    const out = join(await temporaryFolder(), 'captions')
    await writeAll(await openCaptionWriter(format, { out, skipExisting: false }), names)
    const whole = await readFile(out)
    for (let length = whole.length; length >= 0; length--) {
      if (format === 'csv' && (length === 1 || length === 2)) continue // within the byte order mark
      await writeFile(out, whole.subarray(0, length))
      const again = await openCaptionWriter(format, { out, skipExisting: true })
      const made = await writeAll(again, names)
      expect(await readFile(out, 'utf8'), `cut to ${length} bytes, ${made} new`).toBe(whole.toString())
    }
  },
)

test('what is there is never written over without skipExisting', async () => {
  const folder = await temporaryFolder()
  const image = join(folder, 'a.jpg')
  await writeFile(join(folder, 'a.txt'), 'my own caption')
  const text = await openCaptionWriter('txt', { out: '', skipExisting: false })
  expect(() => text.has(text.key(image))).toThrow('add --skip-existing to keep such files')
  const out = join(folder, 'captions.csv')
  await writeFile(out, 'my own table\n')
  const options = { out, skipExisting: false }
  await expect(openCaptionWriter('csv', options)).rejects.toThrow('the file exists; add --skip-existing')
  expect(await readFile(out, 'utf8')).toBe('my own table\n')
})

test.each<[CaptionFormat, string, number]>([
  ['csv', 'my own table\n', 1],
  ['csv', '\ufeffimage,caption,confidence\r\na.jpg,a dog,0.5\r\nb.jpg\r\nc.jpg,a cat,0.5\r\n', 3],
  ['jsonl', '{"image": "a.jpg", "caption": "a dog"}\n{"id": 3}\n', 2],
  ['coco', '[{"image_id": 1, "caption": "a dog"}]\n', 1],
])('a file that is not %s as it is written is refused with the line, and left as it is', async (format, text, line) => {
  const out = join(await temporaryFolder(), 'captions')
  await writeFile(out, text)
  for (let i = 0; i < 2; i++) {
    const opening = openCaptionWriter(format, { out, skipExisting: true })
    await expect(opening).rejects.toThrow(UserError)
    await expect(opening).rejects.toThrow(`line ${line} is not as "mia caption --write ${format}" writes it`)
  }
  expect(await readFile(out, 'utf8')).toBe(text)
})

test('csv opens in a spreadsheet as text: a mark of UTF-8, CRLF, quotes, and no formulas', async () => {
  const out = join(await temporaryFolder(), 'captions.csv')
  const writer = await openCaptionWriter('csv', { out, skipExisting: false })
  await writer.write(captionOf('a.jpg', 'a "big" dog, and a cat'))
  await writer.write(captionOf('=cmd|calc.jpg', '=HYPERLINK("http://x")'))
  for (const start of ['+', '-', '@', '\t', '\r']) await writer.write(captionOf(`${start}1.jpg`, `${start}1`))
  await writer.close()
  expect(await readFile(out, 'utf8')).toBe(
    '\ufeffimage,caption,confidence\r\na.jpg,"a ""big"" dog, and a cat",0.5123\r\n' +
      `"'=cmd|calc.jpg","'=HYPERLINK(""http://x"")",0.5123\r\n` +
      ['+', '-', '@', '\t', '\r'].map((start) => `"'${start}1.jpg","'${start}1",0.5123\r\n`).join(''),
  )
})

test('coco and jsonl are what other programs read', async () => {
  const folder = await temporaryFolder()
  const images = ['x/COCO_val2014_000000391895.jpg', '000000000042.jpg', 'dog.jpeg', '0012.png', '17.png']
  for (const format of ['coco', 'jsonl'] as const)
    await writeAll(await openCaptionWriter(format, { out: join(folder, format), skipExisting: false }), images)
  const results = JSON.parse(await readFile(join(folder, 'coco'), 'utf8'))
  expect(results.map((each: { image_id: unknown }) => each.image_id)).toEqual([391895, 42, 'dog', '0012', 17])
  expect(results[2]).toEqual({ image_id: 'dog', caption: 'a caption of dog.jpeg' })
  const [line] = (await readFile(join(folder, 'jsonl'), 'utf8')).split('\n')
  expect(JSON.parse(line!)).toEqual({
    image: images[0],
    caption: `a caption of ${images[0]}`,
    confidence: 0.5123,
    concepts: ['dog', 'grass'],
  })
  expect(imageId('photos.2024/no ending')).toBe('no ending')
})

test('coco is whole JSON after every caption', async () => {
  const out = join(await temporaryFolder(), 'captions.json')
  const writer = await openCaptionWriter('coco', { out, skipExisting: false })
  for (const [i, image] of NAMES.entries()) {
    expect(JSON.parse(await readFile(out, 'utf8'))).toHaveLength(i)
    await writer.write(captionOf(image))
  }
  await writer.close()
})

test('txt is next to the image, whose ending it replaces', async () => {
  const folder = await temporaryFolder()
  const writer = await openCaptionWriter('txt', { out: '', skipExisting: true })
  expect(
    await writeAll(
      writer,
      ['a.b.JPG', 'none'].map((name) => join(folder, name)),
    ),
  ).toBe(2)
  expect(await readFile(join(folder, 'a.b.txt'), 'utf8')).toBe(`a caption of ${join(folder, 'a.b.JPG')}\n`)
  expect(await readFile(join(folder, 'none.txt'), 'utf8')).toContain('a caption of')
})

test('two processes cannot write to one file; a folder is no file', async () => {
  const folder = await temporaryFolder()
  for (const format of CAPTION_FORMATS.filter((each) => each !== 'txt')) {
    const options = { out: join(folder, format), skipExisting: true }
    const writer = await openCaptionWriter(format, options)
    await expect(openCaptionWriter(format, options)).rejects.toThrow(UserError)
    await writer.close()
    await (await openCaptionWriter(format, options)).close()
  }
  const opening = openCaptionWriter('csv', { out: folder, skipExisting: true })
  await expect(opening).rejects.toThrow(`Cannot write captions "${folder}": it is a folder`)
})
