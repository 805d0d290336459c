import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCaptionedFolder } from '../../src/data/captioned-folder.ts'
import { temporaryFolder } from '../support/folder.ts'

async function folderWith(name: string, text: string): Promise<string> {
  const folder = join(await temporaryFolder(), 'mine')
  await mkdir(folder)
  await writeFile(join(folder, name), text)
  return folder
}

const names = Array.from({ length: 20 }, (_, i) => `trip/${String(i).padStart(2, '0')}.jpg`)

test.each([
  ['captions.tsv', (name: string, caption: string) => `${name}\t${caption}`],
  ['captions.txt', (name: string, caption: string) => `${name}\t${caption}\r`],
  ['metadata.jsonl', (name: string, caption: string) => JSON.stringify({ file_name: name, text: caption })],
])('a folder with %s: captions by picture, and splits of 8 : 1 : 1, the same each time', async (file, line) => {
  const lines = names.flatMap((name) => [line(name, `A tab\tin ${name}`), line(name, 'another')])
  const folder = await folderWith(file, `${lines.reverse().join('\n')}\n`)
  const source = await readCaptionedFolder({ root: folder })
  expect(source).toMatchObject({ name: 'mine', imageRoot: folder, problems: [] })
  expect(source.images.map((image) => image.file)).toEqual(names)
  expect(source.images[3]).toMatchObject({ id: 'trip/03', captions: ['another', 'A tab\tin trip/03.jpg'] })
  const count = (split: string) => source.images.filter((image) => image.split === split).length
  expect([count('train'), count('val'), count('test')]).toEqual([16, 2, 2])
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
    /line 2 is .* and should be \{"file_name": "picture\.jpg", "text": "caption"\}/,
  ],
  ['captions.tsv', 'a.jpg\tA dog.\na.jpg\tA cat.\n', /it names 1 pictures; a data set needs 3 or more/],
  ['other.csv', '', /it has none of captions\.tsv, captions\.txt, metadata\.jsonl; write lines/],
])('a folder with a wrong %s is refused: %j', async (file, text, message) => {
  await expect(readCaptionedFolder({ root: await folderWith(file, text) })).rejects.toThrow(message)
})
