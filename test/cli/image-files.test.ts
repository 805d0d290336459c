import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FindOptions, findImages } from '../../src/cli/image-files.ts'
import { UserError } from '../../src/errors.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A folder with empty files of these names. */
async function folderWith(...names: readonly string[]): Promise<string> {
  const folder = await temporaryFolder()
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), '')
  }
  return folder
}

const imagesOf = async (...paths: readonly string[]) => (await findImages(paths)).images

describe('findImages()', () => {
  test('takes files as they are, and the images in folders and below, sorted by path', async () => {
    const names = ['z.txt', 'b/2.PNG', 'b/1.jpeg', 'b/notes.md', 'b/deep/3.webp', 'b/._1.jpeg', 'b/.thumbs/1.jpeg']
    const folder = await folderWith(...names)
    const found = ['z.txt', 'b/1.jpeg', 'b/2.PNG', 'b/deep/3.webp'].map((name) => join(folder, name))
    expect(await imagesOf(join(folder, 'z.txt'), join(folder, 'b'))).toEqual(found)
  })

  test('takes patterns', async () => {
    const folder = await folderWith('2.png', '1.png', 'b/3.png', 'x.jpg')
    expect(await imagesOf(`${folder}/*.png`)).toEqual(['1.png', '2.png'].map((name) => join(folder, name)))
    const all = ['1.png', '2.png', 'b/3.png'].map((name) => join(folder, name))
    expect(await imagesOf(`${folder}/**/*.png`)).toEqual(all)
    await expect(findImages([`${folder}/*.gif`])).rejects.toThrow('*.gif": no file matches this pattern')
  })

  test('lists pictures of formats that cannot be read, for the reader to name, and passes over other files', async () => {
    const pictures = [
      'a.bmp',
      'b.jxl',
      'c.jp2',
      'd.psd',
      'e.CR2',
      'f.nef',
      'g.ARW',
      'h.dng',
      'i.heic',
      'j.tga',
      'k.ppm',
    ]
    const folder = await folderWith(...pictures, 'a.txt', 'b.mp4', 'c.json', 'd.pdf', 'e.xmp', 'Thumbs.db')
    expect(await imagesOf(folder)).toEqual(pictures.map((name) => join(folder, name)))
  })

  test('takes the file or folder of a file URL', async () => {
    const folder = await folderWith('a b.jpg')
    expect(await imagesOf(pathToFileURL(join(folder, 'a b.jpg')).href)).toEqual([join(folder, 'a b.jpg')])
    expect(await imagesOf(pathToFileURL(folder).href)).toEqual([join(folder, 'a b.jpg')])
  })

  test.each([
    ['https://example.org/a/dog.jpg?size=1&b', "first: curl -L -o dog.jpg 'https://example.org/a/dog.jpg?size=1&b'"],
    ['http://example.org', 'download it first: curl -L -o photo.jpg http://example.org'],
    ['s3://photos/dog.jpg', 'download it first: with the tools of that store'],
    ['file://host/dog.jpg', 'it is not a file of this machine; give the path'],
    [
      `data:image/png;base64,${'A'.repeat(1e5)}`,
      'Cannot read "data:image/png;base64,AAAAAAAA...": it is a data URL; decode',
    ],
  ])('says what to do with %.40s', async (url, advice) => {
    await expect(findImages([url])).rejects.toThrow(UserError)
    await expect(findImages([url])).rejects.toThrow(advice)
  })

  test('leaves a missing file to the reader, and refuses a folder without images', async () => {
    const folder = await folderWith('notes.txt')
    expect(await imagesOf(join(folder, 'x.jpg'))).toEqual([join(folder, 'x.jpg')])
    await expect(findImages([folder])).rejects.toThrow('it has no JPEG, PNG')
  })

  test('lists each image of a folder once, whatever links its folders have', async () => {
    const folder = await folderWith('1.jpg', 'b/2.jpg')
    for (const loop of ['s1', 's2', 'b/up']) await symlink('.', join(folder, loop)) // 2^40 paths to follow
    await symlink('..', join(folder, 'b/above')) // contains the folder itself
    await symlink('/', join(folder, 'everything'))
    const found = ['1.jpg', 'b/2.jpg'].map((name) => join(folder, name))
    expect(await imagesOf(folder)).toEqual(found)
    expect(await imagesOf(`${folder}/**/*.jpg`)).toEqual(found)
  })

  test('follows links to files and to other folders, once, and prefers the path of the file itself', async () => {
    const other = await folderWith('x.jpg', 'deep/y.jpg')
    const folder = await folderWith('m.jpg')
    await symlink('m.jpg', join(folder, 'a.jpg')) // sorts before, and is the same image
    await symlink(join(other, 'x.jpg'), join(folder, 'linked.jpg'))
    await symlink(other, join(folder, 'others'))
    await symlink(other, join(folder, 'others-again'))
    await symlink('missing', join(folder, 'broken.jpg'))
    const found = ['broken.jpg', 'linked.jpg', 'm.jpg', 'others/deep/y.jpg'].map((name) => join(folder, name))
    expect(await imagesOf(folder)).toEqual(found)
  })

  test('skips and names a subfolder that cannot be read', async () => {
    const folder = await folderWith('1.jpg')
    // Paths of more than 4,096 bytes cannot be read, also by root; mode 000 would not stop root.
    const name = 'd'.repeat(200)
    execFileSync('bash', ['-c', `cd "$0" && for i in {1..21}; do mkdir ${name}; cd ${name}; done`, folder])
    onTestFinished(() => void execFileSync('rm', ['-rf', join(folder, name)]))
    const { images, skipped } = await findImages([folder])
    expect(images).toEqual([join(folder, '1.jpg')])
    expect(skipped).toEqual([
      { image: expect.stringContaining(name), index: 1, reason: 'the folder cannot be read: its name is too long' },
    ])
  })

  test.skipIf(process.platform !== 'linux')('skips and names a file whose name is not UTF-8', async () => {
    const folder = await folderWith('1.jpg')
    const latin1 = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9), Buffer.from('.jpg')])
    await writeFile(latin1, '')
    const { images, skipped } = await findImages([folder])
    expect(images).toEqual([join(folder, '1.jpg')])
    const reason = 'its name is not UTF-8; rename it'
    expect(skipped).toEqual([{ image: join(folder, 'caf\\xe9.jpg'), index: 1, reason }])
    // as Node gives it as an argument
    const { skipped: argument } = await findImages([join(folder, 'caf\ufffd.jpg')])
    expect(argument).toEqual([{ image: join(folder, 'caf\ufffd.jpg'), index: 0, reason }])
  })

  test('named() gives a result its name and its index among all that was found', async () => {
    const found = await findImages(['1', '-', 'missing-\ufffd.jpg', '2'], { stdin: Readable.from([Buffer.of(7)]) })
    expect(found.images).toEqual(['1', Buffer.of(7), '2'])
    const named = [0, 1, 2].map((index) => found.named({ image: '', index }))
    expect(named).toEqual([
      { image: '1', index: 0 },
      { image: 'standard input', index: 1 },
      { image: '2', index: 3 },
    ])
    expect(found.skipped).toMatchObject([{ index: 2 }])
  })
})

describe('standard input', () => {
  const find = (stdin: FindOptions['stdin'], options: FindOptions = {}) =>
    findImages(['-'], { ...options, stdin: stdin! })

  test('is read in full', async () => {
    const { images } = await find(Readable.from([Buffer.of(1, 2), Buffer.of(3)]))
    expect(images).toEqual([Buffer.of(1, 2, 3)])
  })

  test('of more than 512 MiB is skipped, and read no further', async () => {
    let chunks = 0
    const endless = new Readable({
      read() {
        chunks++
        this.push(CHUNK)
      },
    })
    const { images, skipped } = await find(endless)
    expect(images).toEqual([])
    expect(skipped).toEqual([{ image: 'standard input', index: 0, reason: expect.stringContaining('512 MiB') }])
    expect(chunks).toBeLessThan(12)
  })

  test('of a terminal is refused: nobody types an image', async () => {
    const terminal = Object.assign(Readable.from([]), { isTTY: true })
    await expect(find(terminal)).rejects.toThrow('mia caption - < photo.jpg')
  })

  test('that never ends can be stopped', async () => {
    const controller = new AbortController()
    const waiting = find(new Readable({ read() {} }), { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})

const CHUNK = new Uint8Array(2 ** 26)
