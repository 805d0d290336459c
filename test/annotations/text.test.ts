import { deflateRawSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readFileText } from '../../src/annotations/text.ts'

const TEXT = '[{"image_id": 1, "caption": "a café ☕"}]\r\n'
const read = (bytes: Uint8Array) => readFileText(bytes, 'results "a.json"')
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')

/** CRC-32 bit by bit (RFC 1952, section 8). */
function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

/** A zip archive written by the format's description (APPNOTE.TXT). */
function zipOf(files: Readonly<Record<string, string>>, { stored = false, flags = 0, wrongCrc = false } = {}): Buffer {
  const [locals, directory]: [Buffer[], Buffer[]] = [[], []]
  let offset = 0
  for (const [path, content] of Object.entries(files)) {
    const [name, bytes] = [Buffer.from(path), Buffer.from(content)]
    const packed = stored ? bytes : deflateRawSync(bytes)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(flags, 2)
    common.writeUInt16LE(stored ? 0 : 8, 4)
    common.writeUInt32LE(wrongCrc ? 1 : crc32(bytes), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(name.length, 22)
    locals.push(Buffer.from('PK\x03\x04'), common, name, packed)
    const end = Buffer.alloc(14)
    end.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, end, name)
    offset += 30 + name.length + packed.length
  }
  const size = Buffer.concat(directory).length
  const end = Buffer.alloc(18)
  end.writeUInt16LE(Object.keys(files).length, 4)
  end.writeUInt16LE(Object.keys(files).length, 6)
  end.writeUInt32LE(size, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\x05\x06'), end])
}

describe('readFileText()', () => {
  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['UTF-8', Buffer.from(TEXT), 'UTF-8', []],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`), 'UTF-8', []],
    ['UTF-16LE with a byte order mark', utf16(`\ufeff${TEXT}`), 'UTF-16LE', []],
    ['UTF-16LE without one', utf16(TEXT), 'UTF-16LE', []],
    ['UTF-16BE with a byte order mark', utf16(`\ufeff${TEXT}`).swap16(), 'UTF-16BE', []],
    ['UTF-16BE without one', utf16(TEXT).swap16(), 'UTF-16BE', []],
    ['gzip', gzipSync(TEXT), 'UTF-8', ['gzip']],
    ['two gzip members', Buffer.concat([gzipSync(TEXT.slice(0, 5)), gzipSync(TEXT.slice(5))]), 'UTF-8', ['gzip']],
    ['UTF-16 in gzip', gzipSync(utf16(`\ufeff${TEXT}`)), 'UTF-16LE', ['gzip']],
    ['zip', zipOf({ 'a.json': TEXT }), 'UTF-8', ['zip']],
    ['zip without compression', zipOf({ 'a.json': TEXT }, { stored: true }), 'UTF-8', ['zip']],
    [
      'zip with a folder and a file of macOS',
      zipOf({ 'd/': '', 'd/a.json': TEXT, '__MACOSX/._a.json': 'x' }),
      'UTF-8',
      ['zip'],
    ],
  ])('reads %s', async (_, bytes, encoding, packings) => {
    expect(await read(bytes)).toEqual({ text: TEXT, encoding, packings })
  })

  test('reads a stored zip entry of several deflate blocks', async () => {
    const long = 'a caption, '.repeat(20_000)
    expect((await read(zipOf({ 'a.json': long }, { stored: true }))).text).toBe(long)
  })

  const gzip = gzipSync(TEXT)
  const wrongGzip = Buffer.from(gzip)
  wrongGzip[gzip.length - 6]! ^= 1
  const zip = zipOf({ 'a.json': TEXT })
  test.each<[string, Uint8Array, string]>([
    [
      'Latin-1',
      Buffer.from('[\n"caf\xe9"]', 'latin1'),
      'it is not UTF-8 (byte 0xe9 in line 2); convert it, for example',
    ],
    ['an overlong sequence', Buffer.from([0x5b, 0xc0, 0xaf]), 'it is not UTF-8 (byte 0xc0 in line 1)'],
    ['a surrogate in UTF-8', Buffer.from([0x5b, 0xed, 0xa0, 0x80]), 'it is not UTF-8 (byte 0xed in line 1)'],
    ['a character cut off', Buffer.from([0x5b, 0xe4, 0xb8]), 'it is not UTF-8 (byte 0xe4 in line 1)'],
    ['half a UTF-16 pair', utf16('["\ud83d"]'), 'it begins as UTF-16LE, but is not; save it as UTF-8'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x5b, 0, 0, 0]), 'it is UTF-32; save it as UTF-8'],
    ['gzip cut off', gzip.subarray(0, 30), 'its gzip data are damaged or incomplete'],
    ['gzip with a wrong checksum', wrongGzip, 'its gzip data are damaged or incomplete'],
    ['zip cut off', zip.subarray(0, zip.length - 30), 'its zip data are damaged or incomplete'],
    ['zip with a wrong checksum', zipOf({ a: TEXT }, { wrongCrc: true }), 'its zip data are damaged or incomplete'],
    ['zip of two files', zipOf({ a: '', b: '' }), 'it is a zip archive of 2 files (a, b); unpack it and give one'],
    ['zip without files', zipOf({ 'd/': '' }), 'it is a zip archive without a file'],
    ['encrypted zip', zipOf({ a: TEXT }, { flags: 1 }), 'its zip data are encrypted; unpack it first'],
    ['a workbook', zipOf({ 'xl/workbook.xml': '' }), 'it is a spreadsheet; save it as CSV in UTF-8'],
    ['HDF5', Buffer.from('\x89HDF\r\n', 'latin1'), 'it is HDF5; write the captions as JSON or CSV'],
    ['bzip2', Buffer.from('BZh91AY'), 'it is bzip2; unpack it with "bunzip2"'],
    ['a pickle', Buffer.from([0x80, 4, 0x95]), 'it is a Python pickle; write it with json.dump'],
    ['a web page', Buffer.from('\n<!DOCTYPE html>\n'), 'it is an HTML or XML page; download the file itself'],
    [
      'a pointer of Git LFS',
      Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
      'it is the pointer of a file in Git LFS; fetch the file with "git lfs pull"',
    ],
  ])('refuses %s', async (_, bytes, fault) => {
    await expect(read(bytes)).rejects.toThrow(`Cannot read results "a.json": ${fault}`)
  })
})
