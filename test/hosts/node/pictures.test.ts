import { execFileSync } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { crc32ByTable } from '../../../src/disk/crc32.ts'
import { ImageError } from '../../../src/engine/pictures.ts'
import { UserError } from '../../../src/errors.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { runScript, source } from '../../support/script.ts'

const size = { width: 4, height: 2 }
const plain = (alpha?: number): Sharp =>
  sharp({
    create: {
      width: 64,
      height: 32,
      channels: alpha === undefined ? 3 : 4,
      background: { r: 200, g: 50, b: 20, alpha: alpha ?? 1 },
    },
  })
/** Noise does not compress, so that a file can be cut in its middle. */
const noise = (): Sharp =>
  sharp(Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919 * (i % 251)) >> 3)), {
    raw: { width: 64, height: 64, channels: 3 },
  })
/** A PNG file whose header says another width, under a good checksum. */
async function pngOfWidth(width: number): Promise<Buffer> {
  const png = await plain().png().toBuffer()
  png.writeUInt32BE(width, 16)
  png.writeUInt32BE(crc32ByTable(png.subarray(12, 29), 0), 29)
  return png
}
const FAILED = 'not an image: the download failed; download it again'
/** The head of a TIFF file with tags and their values. */
function tiffWith(...pairs: readonly number[]): Buffer {
  const bytes = Buffer.alloc(10 + 6 * pairs.length)
  bytes.write('II*\0\x08\0\0\0', 'latin1')
  bytes.writeUInt16LE(pairs.length / 2, 8)
  for (let i = 0; i < pairs.length / 2; i++) {
    bytes.writeUInt16LE(pairs[2 * i]!, 10 + 12 * i)
    bytes.writeUInt32LE(pairs[2 * i + 1]!, 18 + 12 * i)
  }
  return bytes
}
const all = (red: number, green: number, blue: number): number[] =>
  Array.from({ length: 8 }, () => [red, green, blue]).flat()

function expectNear(actual: Uint8Array, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i]! - value), `byte ${i}`).toBeLessThanOrEqual(tolerance)
}

describe('nodePictures.decode() gives 8-bit RGB of the size asked for', () => {
  const grey = Math.round(
    255 * encodeGamma(0.2126 * decodeGamma(200) + 0.7152 * decodeGamma(50) + 0.0722 * decodeGamma(20)),
  )
  test.each<[string, Sharp, number[], number]>([
    ['JPEG', plain().jpeg(), all(200, 50, 20), 3],
    ['CMYK JPEG', plain().toColourspace('cmyk').jpeg(), all(200, 50, 20), 24],
    ['grey JPEG', plain().toColourspace('b-w').jpeg(), all(grey, grey, grey), 1],
    ['PNG', plain().png(), all(200, 50, 20), 0],
    ['16-bit PNG', plain().toColourspace('rgb16').png(), all(200, 50, 20), 0],
    ['16-bit grey PNG', plain().toColourspace('grey16').png(), all(grey, grey, grey), 1],
    ['palette PNG', plain().png({ palette: true }), all(200, 50, 20), 0],
    ['transparent PNG, on white', plain(0).png(), all(255, 255, 255), 0],
    ['half transparent PNG, on white', plain(0.5).png(), all(228, 153, 138), 1],
    ['GIF', plain().gif(), all(200, 50, 20), 0],
    ['WebP', plain().webp({ lossless: true }), all(200, 50, 20), 0],
    ['AVIF', plain().avif(), all(200, 50, 20), 3],
    ['TIFF', plain().tiff({ compression: 'none' }), all(200, 50, 20), 0],
    ['CMYK TIFF', plain().toColourspace('cmyk').tiff(), all(200, 50, 20), 24],
  ])('of %s', async (_, picture, expected, tolerance) => {
    expectNear(await nodePictures.decode(await picture.toBuffer(), size), expected, tolerance)
  })

  test('of the first frame of a moving GIF', async () => {
    const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 10), Buffer.alloc(8 * 8 * 3, 250)])
    const moving = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer()
    expect((await sharp(moving).metadata()).pages).toBe(2)
    expect([...(await nodePictures.decode(moving, size))]).toEqual(all(10, 10, 10))
  })

  test('of a file, by its path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mia-image-'))
    await writeFile(join(folder, 'a.png'), await plain().png().toBuffer())
    expect([...(await nodePictures.decode(join(folder, 'a.png'), size))]).toEqual(all(200, 50, 20))
    await rm(folder, { recursive: true })
  })
})

describe('nodePictures.decode() turns a picture as its EXIF orientation says', () => {
  // Each line: the orientation and where the stored corners (a b / c d) are to be seen (EXIF 2.3, table 6).
  const [a, b, c, d] = [10, 90, 170, 250]
  test.each<[number, number[]]>([
    [1, [a, b, c, d]],
    [2, [b, a, d, c]],
    [3, [d, c, b, a]],
    [4, [c, d, a, b]],
    [5, [a, c, b, d]],
    [6, [c, a, d, b]],
    [7, [d, b, c, a]],
    [8, [b, d, a, c]],
  ])('%i', async (orientation, seen) => {
    const stored = sharp(Buffer.from([a, b, c, d].flatMap((v) => [v, v, v])), {
      raw: { width: 2, height: 2, channels: 3 },
    })
    const png = await stored.withMetadata({ orientation }).png().toBuffer()
    const pixels = await nodePictures.decode(png, { width: 2, height: 2 })
    expect([...pixels]).toEqual(seen.flatMap((v) => [v, v, v]))
  })
})

describe('nodePictures.decode() stretches', () => {
  test('downwards about as a triangle filter does', async () => {
    const row = Uint8Array.from({ length: 96 }, (_, i) => 128 + 100 * Math.sin(i / 9))
    const pixels = await nodePictures.decode(await picture(row, 96), { width: 24, height: 1 })
    expectNear(
      pixels,
      triangle(row, 24).flatMap((v) => [v, v, v]),
      2,
    )
  })

  test('upwards as PIL does, without moving the picture', async () => {
    // Image.fromarray(uint8 [[0, 100], [200, 40]]).resize((4, 3), Image.BILINEAR), by hand: the second row lies midway.
    const expected = [0, 25, 75, 100, 100, 93, 78, 70, 200, 160, 80, 40]
    const pixels = await nodePictures.decode(await picture([0, 100, 200, 40], 2), { width: 4, height: 3 })
    expectNear(
      pixels,
      expected.flatMap((v) => [v, v, v]),
      1,
    )
  })

  test('upwards along one axis only, leaving the other as it is', async () => {
    const pixels = await nodePictures.decode(await picture([0, 100, 200, 40], 1), { width: 2, height: 4 })
    expect([...pixels]).toEqual([0, 0, 100, 100, 200, 200, 40, 40].flatMap((v) => [v, v, v]))
  })

  test('upwards along one axis and downwards along the other', async () => {
    const pixels = await nodePictures.decode(await picture(new Array(64).fill([0, 240]).flat(), 2), {
      width: 4,
      height: 8,
    })
    expect([...pixels]).toEqual(
      new Array(8)
        .fill([0, 60, 180, 240])
        .flat()
        .flatMap((v) => [v, v, v]),
    )
  })

  test('a tall picture to a wide one, without cropping it or adding borders', async () => {
    const halves = Buffer.concat([Buffer.alloc(10 * 50 * 3, 0), Buffer.alloc(10 * 50 * 3, 255)])
    const png = await sharp(halves, { raw: { width: 10, height: 100, channels: 3 } })
      .png()
      .toBuffer()
    const pixels = await nodePictures.decode(png, { width: 20, height: 2 })
    expectNear(pixels, [...new Array(60).fill(255 / 8), ...new Array(60).fill((255 * 7) / 8)], 1)
  })

  test('a picture of one pixel', async () => {
    const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#0102ff' } })
      .png()
      .toBuffer()
    expect([...(await nodePictures.decode(png, size))]).toEqual(all(1, 2, 255))
  })
})

describe('nodePictures.decode() refuses, naming the picture and why,', () => {
  const cut = async (picture: Sharp, share: number): Promise<Buffer> => {
    const bytes = await picture.toBuffer()
    return bytes.subarray(0, Math.floor(bytes.length * share))
  }
  const bomb = (): Promise<Buffer> =>
    sharp({ create: { width: 16_000, height: 16_000, channels: 3, background: '#000' } })
      .png()
      .toBuffer()
  test.each<[string, () => Buffer | Promise<Buffer>, string]>([
    ['an empty file', () => Buffer.alloc(0), 'it is empty'],
    ['a text', () => Buffer.from('not an image at all'), 'it is not an image; give one of JPEG, PNG'],
    [
      'an SVG',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      'it is SVG; give one of',
    ],
    ['an SVG that begins as XML', () => Buffer.from('<?xml version="1.0"?>\n<svg width="9" height="9"/>'), 'it is SVG'],
    [
      'a HEIC',
      () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
      'it is HEIC, for which there is no free decoder; export',
    ],
    [
      'an HTML page',
      () => Buffer.from('<!DOCTYPE html>\n<html><head><title>404</title>'),
      `it is an HTML page, ${FAILED}`,
    ],
    [
      'an XML answer of a store',
      () => Buffer.from('<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'),
      `it is XML text, ${FAILED}`,
    ],
    ['a JSON answer', () => Buffer.from('{"error": "not found"}'), `it is JSON text, ${FAILED}`],
    [
      'a pointer of Git LFS',
      () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:'),
      'it is a pointer of Git LFS, not the picture; run "git lfs pull"',
    ],
    ['a BMP', () => Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1'), 'it is BMP; convert it to PNG'],
    ['a JPEG XL', () => Buffer.from('\xff\x0a\x01\x02', 'latin1'), 'it is JPEG XL; convert it to PNG'],
    [
      'a JPEG XL in a container',
      () => Buffer.from('\0\0\0\x0cJXL \r\n\x87\n', 'latin1'),
      'it is JPEG XL; convert it to PNG',
    ],
    ['a JPEG 2000', () => Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'), 'it is JPEG 2000; convert it to PNG'],
    ['a Photoshop document', () => Buffer.from('8BPS\0\x01\0\0', 'latin1'), 'it is a Photoshop document; export it'],
    ['a CR2 of Canon', () => Buffer.from('II*\0\x10\0\0\0CR\x02\0', 'latin1'), `it is the RAW file of a camera`],
    ['a DNG, which is TIFF', () => tiffWith(0xc612, 0x0101), `it is the RAW file of a camera; export it as JPEG`],
    ['a NEF, which is TIFF', () => tiffWith(0xfe, 1, 0x14a, 8), `it is the RAW file of a camera; export it as JPEG`],
    [
      'a HEIC of the brand mif1',
      () => Buffer.from('\0\0\0\x18ftypmif1\0\0\0\0mif1heic', 'latin1'),
      'it is HEIC, for which there is no free decoder',
    ],
    ['a JPEG cut in its middle', () => cut(noise().jpeg(), 0.5), 'it is cut short or damaged (VipsJpeg: premature end'],
    ['a JPEG cut in its header', () => cut(noise().jpeg(), 0.02), 'it is cut short or damaged'],
    ['a PNG cut in its middle', () => cut(noise().png(), 0.5), 'it is cut short or damaged'],
    ['a GIF cut in its middle', () => cut(noise().gif(), 0.5), 'it is cut short or damaged'],
    ['a WebP cut in its middle', () => cut(noise().webp(), 0.5), 'it is cut short or damaged'],
    [
      'a PNG with a damaged byte',
      async () => (await noise().png().toBuffer()).map((byte, i) => (i === 2000 ? byte ^ 0x5a : byte)) as Buffer,
      'it is cut short or damaged',
    ],
    ['a picture of 256 million pixels', bomb, 'it has more than 250 million pixels'],
  ])('%s', async (_, bytes, why) => {
    const decoding = nodePictures.decode(await bytes(), { ...size, name: 'odd.jpg' })
    await expect(decoding).rejects.toThrow(UserError)
    await expect(decoding).rejects.toThrow(`Cannot read image "odd.jpg": ${why}`)
  })

  test('a file that is not there', async () => {
    await expect(nodePictures.decode('/no/such.jpg', size)).rejects.toThrow(
      'Cannot read image "/no/such.jpg": there is no such file',
    )
  })

  test('a folder', async () => {
    await expect(nodePictures.decode(tmpdir(), size)).rejects.toThrow('it is a folder')
  })

  test.each([
    ['nothing', null, 'it is not an image; give a path'],
    ['a number', 7, 'it is not an image; give a path'],
    ['pixels of another type', { data: new Float32Array(3), width: 1, height: 1 }, 'it is not an image; give a path'],
    ['too few pixels', { data: new Uint8Array(10), width: 3, height: 1 }, '10 numbers are not 3 x 1 pixels'],
    ['a URL as text', 'https://example.org/a.jpg', 'it is a URL as text'],
    ['a URL of the web', new URL('https://example.org/a.jpg'), 'it is not a file on this machine; fetch it'],
    ['a URL of another host', new URL('file://host/a.jpg'), 'it is not a file on this machine; fetch it'],
  ])('%s', async (_, input, why) => {
    const decoding = nodePictures.decode(input as never, size)
    await expect(decoding).rejects.toThrow(ImageError)
    await expect(decoding).rejects.toThrow(why)
  })
})

/** sRGB (IEC 61966-2-1). */
function decodeGamma(byte: number): number {
  const v = byte / 255
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
}
function encodeGamma(light: number): number {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055
}

/** A grey picture as PNG. */
const picture = (values: ArrayLike<number>, width: number): Promise<Buffer> =>
  sharp(Buffer.from(Array.from(values).flatMap((v) => [v, v, v])), {
    raw: { width, height: values.length / width, channels: 3 },
  })
    .png()
    .toBuffer()

/** The textbook filter: output i weighs each input by its distance from i's centre, in steps, up to one step away; the edges go on outside. */
function triangle(row: Uint8Array, width: number): number[] {
  const step = row.length / width
  const reach = Math.ceil(step)
  const wide = [...new Array(reach).fill(row[0]), ...row, ...new Array(reach).fill(row.at(-1))]
  return Array.from({ length: width }, (_, i) => {
    const weights = wide.map((_, j) => Math.max(0, 1 - Math.abs(j - reach + 0.5 - (i + 0.5) * step) / step))
    const total = weights.reduce((sum, weight) => sum + weight)
    return Math.round(weights.reduce((sum, weight, j) => sum + weight * wide[j]!, 0) / total)
  })
}

describe('files that never end or cannot be read', () => {
  const refused = async (path: string): Promise<string> => {
    const error = await nodePictures.decode(path, { width: 2, height: 2 }).catch((each: Error) => each)
    expect(error).toBeInstanceOf(ImageError)
    return (error as ImageError).message
  }

  test.skipIf(process.platform === 'win32')('a pipe and a device are refused at once', async () => {
    const pipe = join(await temporaryFolder(), 'pipe.jpg')
    execFileSync('mkfifo', [pipe])
    expect(await refused(pipe)).toBe(`Cannot read image "${pipe}": it is not a regular file`)
    expect(await refused('/dev/zero')).toBe('Cannot read image "/dev/zero": it is not a regular file')
  })

  test('a file of gigabytes is refused by its size, unread', async () => {
    const path = join(await temporaryFolder(), 'huge.jpg')
    const file = await open(path, 'w')
    await file.truncate(3 * 2 ** 30) // sparse: it takes no space
    await file.close()
    expect(await refused(path)).toContain('it has 3221225472 bytes, and an image may have 536870912')
  })

  test('a folder and a missing file are named in words', async () => {
    const folder = await temporaryFolder()
    expect(await refused(folder)).toBe(`Cannot read image "${folder}": it is a folder`)
    expect(await refused(join(folder, 'a.jpg'))).toContain('there is no such file')
  })
})

describe('large pictures', () => {
  test('of 200 million pixels are shrunk while they are decoded, in less than 600 MB', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'photo.jpg')
    await sharp({ create: { width: 16_320, height: 12_240, channels: 3, background: '#3a6' } })
      .jpeg()
      .toFile(path)
    const script = `
      import { nodePictures } from ${source('hosts/node/pictures.ts')}
      const pixels = await nodePictures.decode(${JSON.stringify(path)}, ${JSON.stringify(size)})
      console.log(JSON.stringify([[...pixels], process.resourceUsage().maxRSS / 1024]))`
    const said = await runScript(folder, script)
    const [pixels, megabytes] = JSON.parse(said)
    expectNear(Uint8Array.from(pixels), all(0x33, 0xaa, 0x66), 3)
    expect(megabytes).toBeLessThan(600)
  }, 60_000)

  test('several at once are decoded one after the other, each as it is', async () => {
    const large = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: '#3a6' } })
      .png({ progressive: true })
      .toBuffer()
    const decoded = await Promise.all(
      [large, Buffer.from('x'), large].map((each) => nodePictures.decode(each, size).catch((error) => error)),
    )
    expectNear(decoded[0], all(0x33, 0xaa, 0x66), 0)
    expect(decoded[1]).toBeInstanceOf(ImageError)
    expectNear(decoded[2], all(0x33, 0xaa, 0x66), 0)
  })

  test('RAW files that are TIFF are known by their names', async () => {
    const path = join(await temporaryFolder(), 'photo.ARW')
    await writeFile(path, await plain().tiff().toBuffer())
    await expect(nodePictures.decode(path, size)).rejects.toThrow('it is the RAW file of a camera')
  })
})

test('a PNG file too small for its pixels is refused at once, and a blank one of many pixels is read', async () => {
  const damaged = await pngOfWidth(6_000_000)
  const started = performance.now()
  await expect(nodePictures.decode(damaged, size)).rejects.toThrow(
    `it is cut short or damaged (${damaged.length} bytes cannot hold 6000000 x 32 pixels)`,
  )
  expect(performance.now() - started).toBeLessThan(1000)
  const blank = { width: 4000, height: 3000, channels: 3, background: '#fff' } as const
  for (const options of [{ compressionLevel: 9 }, { palette: true, compressionLevel: 9 }]) {
    const png = await sharp({ create: blank }).png(options).toBuffer()
    expect([...(await nodePictures.decode(png, { width: 1, height: 1 }))]).toEqual([255, 255, 255])
  }
})

test('a GIF file too small for its pixels is refused at once; blank ones and small frames are read', async () => {
  const damaged = await plain().gif().toBuffer()
  const frame = damaged.indexOf(Buffer.of(0x2c, 0, 0, 0, 0, 64, 0, 32, 0))
  damaged.writeUInt16LE(12_288, frame + 1) // where the frame is on the screen, which grows
  damaged.writeUInt16LE(13_614, frame + 3)
  const started = performance.now()
  await expect(nodePictures.decode(damaged, size)).rejects.toThrow(
    `it is cut short or damaged (${damaged.length} bytes cannot hold 12352 x 13646 pixels)`,
  )
  expect(performance.now() - started).toBeLessThan(1000)
  const one = { width: 1, height: 1 }
  const blank = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#fff' } })
    .gif()
    .toBuffer()
  expect([...(await nodePictures.decode(blank, one))]).toEqual([255, 255, 255])
  const small = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
    .gif()
    .toBuffer()
  small.writeUInt16LE(900, 6)
  small.writeUInt16LE(900, 8)
  expect(small.length).toBeLessThan((900 * 900) / 4096)
  expect(await nodePictures.decode(small, one)).toHaveLength(3)
})

test('an AVIF file whose header says millions of pixels a side is refused at once', async () => {
  const damaged = await plain().avif().toBuffer()
  const size = damaged.indexOf('ispe') + 8
  expect([damaged.readUInt32BE(size), damaged.readUInt32BE(size + 4)]).toEqual([64, 32])
  damaged.writeUInt32BE(4_194_336, size)
  const started = performance.now()
  await expect(nodePictures.decode(damaged, { width: 4, height: 2 })).rejects.toThrow(
    'it is damaged (its header says 4194336 x 32 pixels, and AVIF has at most 65536 a side)',
  )
  expect(performance.now() - started).toBeLessThan(1000)
})
