import { describe, expect, test } from 'vitest'
import { parseCaptions } from '../../src/data/captions-file.ts'
import { UserError } from '../../src/errors.ts'

const parse = (text: string, path = 'captions.txt') =>
  parseCaptions({ text, file: { path, bytes: 0, sha256: '' } }, path)
const pairs = (text: string, path?: string) => parse(text, path).rows.map(({ name, captions }) => [name, ...captions])

describe('parseCaptions()', () => {
  test.each([
    ['CSV', 'image,caption\na.jpg,A dog .\nb.jpg,"A dog, a ""cat""\nand a cow"\n'],
    ['CSV of Windows', 'image,caption\r\na.jpg,A dog .\r\nb.jpg,"A dog, a ""cat""\nand a cow"\r\n'],
    ['other columns', '"caption","split","image_name"\nA dog .,,a.jpg\n"A dog, a ""cat""\nand a cow",,b.jpg\n'],
    ['semicolons', 'File_Name;Text\na.jpg;A dog .\nb.jpg;"A dog, a ""cat""\nand a cow"\n'],
    ['an index of pandas', ',filename,raw\n0,a.jpg,A dog .\n1,b.jpg,"A dog, a ""cat""\nand a cow"\n'],
    ['tabs', 'image\tcaption\na.jpg\tA dog .\nb.jpg\t"A dog, a ""cat""\nand a cow"\n'],
    ['JSON', JSON.stringify({ 'a.jpg': 'A dog .', 'b.jpg': ['A dog, a "cat"\nand a cow'] })],
    [
      'JSON of COCO',
      JSON.stringify({
        images: [
          { id: 1, file_name: 'a.jpg' },
          { id: 2, file_name: 'b.jpg' },
        ],
        annotations: [
          { image_id: 1, caption: 'A dog .' },
          { image_id: 2, caption: 'A dog, a "cat"\nand a cow' },
          { image_id: 2, caption: 'Quality issues.', is_rejected: true },
        ],
      }),
    ],
  ])('reads %s', (_, text) => {
    const found = pairs(text).filter((pair) => pair.length > 1)
    expect(found).toEqual([
      ['a.jpg', 'A dog .'],
      ['b.jpg', 'A dog, a "cat"\nand a cow'],
    ])
  })

  test('reads Flickr30k of Kaggle, mends the row without its second bar, and leaves out another', () => {
    const rows = Array.from({ length: 50 }, (_, i) => `${i}.jpg| ${i % 5}| A "dog" | runs .`)
    rows[3] = '3.jpg| 4   A dog runs across the grass .'
    rows[7] = '7.jpg 2| A dog'
    const { rows: read, problems } = parse(`image_name| comment_number| comment\n${rows.join('\n')}\n`, 'results.csv')
    expect(read).toHaveLength(49)
    expect(read[0]).toMatchObject({ name: '0.jpg', captions: ['A "dog" | runs .'] })
    expect(read[3]).toMatchObject({ name: '3.jpg', captions: ['A dog runs across the grass .'], place: 'line 5' })
    expect(problems).toEqual([
      '1 row without a separator mended: line 5',
      '1 row skipped, without picture or caption: line 9',
    ])
  })

  test('reads the token files of Flickr8k and Flickr30k, and names with a #', () => {
    expect(pairs('1.jpg#0\tA dog .\n1.jpg#1\tA cat .\n#2.jpg#0\tA #1 cow .\n')).toEqual([
      ['1.jpg', 'A dog .'],
      ['1.jpg', 'A cat .'],
      ['#2.jpg', 'A #1 cow .'],
    ])
  })

  test('reads metadata.jsonl: lists, null, NaN, one line', () => {
    const lines = ['{"file_name": "a.jpg", "text": ["A.", "B."]}', '{"file_name": "b.jpg", "text": null, "score": NaN}']
    expect(pairs(lines.join('\n'), 'metadata.jsonl')).toEqual([
      ['a.jpg', 'A.', 'B.'],
      ['b.jpg', ''],
    ])
    expect(pairs(lines[0]!, 'metadata.jsonl')).toEqual([['a.jpg', 'A.', 'B.']])
  })

  test('reads lists of captions in CSV as JSON and as Python prints them', () => {
    const text = `filename,raw\na.jpg,"[""A dog."", ""It's a cat.""]"\nb.jpg,"['A dog.', ""It's a cat.""]"\nc.jpg,['x\n`
    expect(pairs(text)).toEqual([
      ['a.jpg', 'A dog.', "It's a cat."],
      ['b.jpg', 'A dog.', "It's a cat."],
      ['c.jpg', "['x"],
    ])
  })

  test('keeps commas of the last column that has no quotes, and refuses them elsewhere', () => {
    expect(pairs('image,caption\na.jpg,A dog, a cat, and a cow\n')).toEqual([['a.jpg', 'A dog, a cat, and a cow']])
    const rows = ['A dog, a cat,a.jpg', 'A cow, a pig,b.jpg', 'A cow,b.jpg']
    expect(() => parse(`caption,image\n${rows.join('\n')}`)).toThrow(
      '"captions.txt": 2 rows of 3 do not fit the header "caption", "image" (line 2, line 3); put double quotes around',
    )
  })

  test.each([
    ['a tab', 'a.jpg\tA dog, it runs\nb.jpg\tA cat.\n'],
    ['a comma, without a header', 'a.jpg,A dog, it runs\nb.jpg,A cat.\n'],
    ['quotes around names', '"a.jpg"\tA dog, it runs\n\'b.jpg\'\tA cat.\n'],
    ['quotes around captions', 'a.jpg\t"A dog, it runs"\nb.jpg\tA cat.\n'],
    ['the caption before the name', 'A dog, it runs\ta.jpg\nA cat.\tb.jpg\n'],
    ['the caption before the name, and a comma', 'A dog, it runs,a.jpg\nA cat.,b.jpg\n'],
    ['old Macintosh line ends', 'a.jpg\tA dog, it runs\rb.jpg\tA cat.\r'],
  ])('reads lines with %s', (_, text) => {
    expect(pairs(text)).toEqual([
      ['a.jpg', 'A dog, it runs'],
      ['b.jpg', 'A cat.'],
    ])
  })

  test('keeps a caption that only begins and ends with quotes', () => {
    expect(pairs('a.jpg\t"Stop" says the "sign"\n')).toEqual([['a.jpg', '"Stop" says the "sign"']])
  })

  test.each([
    ['A dog without a picture\n', /line 1 is "A dog without a picture" and should be a picture, a tab and a caption/],
    ['[1, 2]', /it is a list of 1; expected lines/],
    ['{"images": [{"id": 1}]}', /it has images, but no captions/],
    ['[{"file_name": "a.jpg", "text": 5}]', /index 0 has the caption 5, which is not text/],
    ['{"file_name": "a.jpg", "text": "x"', /it is not JSON: line 1, column 35/],
    ['image,caption\na.jpg,"open\n', /the quote in line 2 /],
  ])('refuses %j', (text, message) => {
    expect(() => parse(text)).toThrow(UserError)
    expect(() => parse(text)).toThrow(message)
  })
})
