import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { mia } from './mia.ts'

const CAPTIONS: readonly (readonly [string, string])[] = [
  ['12', 'a brown dog, running'],
  ['345', 'two cats sleep'],
]
const padded = (id: string): string => `COCO_val2014_${id.padStart(12, '0')}.jpg`

describe('mia eval, with files of other forms', () => {
  /** A folder with references in gzip, and the results `content` as `name`. */
  async function folderWith(name: string, content: string | Uint8Array): Promise<string> {
    const folder = await temporaryFolder()
    const references = {
      images: CAPTIONS.map(([id]) => ({ id: Number(id), file_name: padded(id) })),
      annotations: CAPTIONS.map(([id, caption]) => ({ image_id: Number(id), caption })),
    }
    await writeFile(join(folder, 'references.json.gz'), gzipSync(JSON.stringify(references)))
    await writeFile(join(folder, name), content)
    return folder
  }

  const score = (folder: string, name: string, ...more: string[]) => {
    const files = ['--references', join(folder, 'references.json.gz'), '--results', join(folder, name)]
    return mia(['eval', ...files, '--metrics', 'Bleu_4', '--quiet', ...more])
  }

  const csv = ['caption,image_id', ...CAPTIONS.map(([id, caption]) => `"${caption}",${id}`)].join('\r\n')
  test.each<[string, string | Uint8Array, string]>([
    ['results.csv', csv, 'CSV of {image_id, caption}'],
    ['results.txt', Buffer.from(`\ufeff${csv}`, 'utf16le'), 'CSV of {image_id, caption}, UTF-16LE'],
    ['results', gzipSync(JSON.stringify(Object.fromEntries(CAPTIONS))), 'map from id to caption, gzip'],
    [
      'results.jsonl',
      CAPTIONS.map(([image, caption]) => JSON.stringify({ image, caption, loss: 0 }).replace('0}', 'NaN}')).join('\n'),
      'JSON Lines of {image, caption}',
    ],
  ])('scores %s', async (name, content, form) => {
    const { stdout, stderr } = await score(await folderWith(name, content), name, '--json')
    expect(stderr).toBe('')
    const { scores, forms, notes } = JSON.parse(stdout)
    expect(scores[0].score).toBeCloseTo(1, 4)
    expect({ forms, notes }).toEqual({ forms: { references: 'COCO annotations, gzip', results: form }, notes: [] })
  })

  test('matches file names, and shows the pictures on the page', async () => {
    const captions = CAPTIONS.map(([id, caption]) => ({ image: `photos/${padded(id)}`, caption }))
    const folder = await folderWith('captions.json', JSON.stringify({ captions, skipped: [] }))
    await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } }).toFile(join(folder, padded('12')))
    const page = join(folder, 'scores.html')
    const each = join(folder, 'each.json')
    const files = ['--html', page, '--images', folder, '--per-image', each]
    const { stdout } = await score(folder, 'captions.json', ...files)
    expect(stdout).toContain(
      'Image ids are matched by file name, without folders and ending: photos/COCO_val2014_000000000012.jpg is 12.',
    )
    expect((await readFile(page, 'utf8')).match(/<img src="data:/g)).toHaveLength(2) // lowest and highest
    expect(JSON.parse(await readFile(each, 'utf8'))[0]).toMatchObject({
      image_id: 'photos/COCO_val2014_000000000012.jpg',
      file: 'COCO_val2014_000000000012.jpg',
    })
  })

  test.each<[string, string | Uint8Array, RegExp]>([
    ['latin1.json', Buffer.from('[{"image_id": 12, "caption": "caf\xe9"}]', 'latin1'), /is not UTF-8 .*; convert it/],
    ['half.json.gz', gzipSync('[{"image_id": 12, "caption": "a dog"}]').subarray(0, 20), /gzip data are damaged/],
    ['half.json', '[{"image_id": 12, "caption": "a dog"}', /the file is incomplete/],
    ['ids.json', '{"\\u001b[31m7": "a dog"}', /\(\\x1b\[31m7\); the references have ids like 12 and 345/],
    ['features.h5', Buffer.from('\x89HDF\r\n', 'latin1'), /it is HDF5; write the captions as JSON or CSV/],
    ['dogs.csv', 'name;breed\nx;y\n', /none of them a caption; expected .* CSV with the header image_id,caption/],
  ])('says in one line why %s cannot be scored', async (name, content, message) => {
    const { status, stdout, stderr } = await score(await folderWith(name, content), name)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^Error: Cannot (read|score) results ".*${name.replaceAll('.', '\\.')}": .*\n$`))
    expect(stderr).toMatch(message)
  })
})
