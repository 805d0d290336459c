import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mia } from '../cli/mia.ts'

// Pictures of the field: formats that cannot be decoded, phones of 200 megapixels, URLs.
const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))
const photo = join(cases, 'picture-of-200-megapixels/photo.jpg')

describe.skipIf(!existsSync(cases))('caption, with the pictures of the field (needs ../shared)', () => {
  test('pictures-passed-over: a caption of the JPEG, and the others are named', async () => {
    const folder = join(cases, 'pictures-passed-over/photos')
    const { status, stdout, stderr } = await mia(['caption', folder, '--quiet'])
    expect(stdout).toMatch(/photos\/a\.jpg\n {2}a \w+/)
    expect(stderr).toMatch(
      /^Warning: skipped \S+b\.bmp: it is BMP; convert it .*\nWarning: skipped \S+c\.jxl: it is JPEG XL; .*\n$/,
    )
    expect(status).toBe(0)
    expect((await mia(['caption', join(folder, 'b.bmp'), '--quiet'])).status).toBe(1) // it was asked for by name
  })

  test('picture-of-200-megapixels: a caption', async () => {
    const { status, stdout, stderr } = await mia(['caption', photo, '--quiet'])
    expect(stdout).toMatch(/photo\.jpg\n {2}a \w+/)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('url-on-the-command-line: download it first; a file URL is read', async () => {
    const web = await mia(['caption', 'https://pictures.invalid/dog.jpg'])
    expect(web).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'Error: Cannot read "https://pictures.invalid/dog.jpg": it is not a file of this machine; ' +
        'download it first: curl -L -o dog.jpg https://pictures.invalid/dog.jpg\n',
    })
    const data = await mia(['caption', 'data:image/png;base64,AAAA'])
    expect(data.stderr).toMatch(/^Error: .* it is a data URL; .*\n$/)
    expect(data.status).toBe(1)
    const file = await mia(['caption', pathToFileURL(photo).href, '--quiet'])
    expect(file.stdout).toMatch(/photo\.jpg\n {2}a \w+/)
  })
})
