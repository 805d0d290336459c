import { describe, expect, test } from 'vitest'
import { type CaptionFile, readReferences, readResults } from '../../src/annotations/captions.ts'
import { AnnotationFile, parseAnnotations, readAnnotationFile } from '../../src/annotations/file.ts'

/** Captions of two images in every form: by id as text. */
const CAPTIONS = { 3: ['a kite', 'two kites'], 1: ['a dog, running', 'the dog'] }
const FIRST = { 3: ['a kite'], 1: ['a dog, running'] }

const file = (content: unknown): AnnotationFile =>
  typeof content === 'string' ? parseAnnotations(content, 'references "a"') : new AnnotationFile('references', content)
const captionsOf = ({ images }: CaptionFile) =>
  Object.fromEntries([...images].map(([id, { captions }]) => [id, captions]))
const rows = Object.entries(CAPTIONS).flatMap(([id, captions]) => captions.map((caption) => [Number(id), caption]))
const lines = (values: readonly unknown[], end = '\n') => values.map((value) => JSON.stringify(value)).join(end)
const results = (content: unknown, options = {}) =>
  readResults(file(content), { several: false, emptyAsZero: false, ...options })

describe('readReferences()', () => {
  const karpathy = Object.entries(CAPTIONS).map(([id, captions], i) => ({
    imgid: i,
    cocoid: Number(id),
    filepath: 'val2014',
    filename: `COCO_${id}.jpg`,
    split: 'restval',
    sentences: captions.map((raw) => ({ raw, tokens: [] })),
  }))
  const record = ([image_id, caption]: readonly unknown[], id: number) => ({ image_id, id, caption })
  const quoted = (text: unknown) => `"${text}"`

  test.each<[unknown, string]>([
    [{ info: {}, images: [{ id: 3 }, { id: 1 }], annotations: rows.map(record) }, 'COCO annotations'],
    [{ annotations: rows.map(record) }, 'COCO annotations'],
    [{ images: karpathy, dataset: 'coco' }, "Karpathy's dataset file"],
    [karpathy, "Karpathy's dataset file"],
    [CAPTIONS, 'map from id to list of captions'],
    [
      Object.fromEntries(Object.entries(CAPTIONS).map(([id, list]) => [id, list.map((caption) => ({ caption }))])),
      'map from id to list of {caption}',
    ],
    [rows.map(record), 'list of {image_id, caption}'],
    [rows.map(([img_id, text]) => ({ id: 9, img_id, text })), 'list of {img_id, text}'],
    [Object.entries(CAPTIONS).map(([image, caption]) => ({ image, caption })), 'list of {image, caption}'],
    [Object.entries(CAPTIONS).map(([id, captions]) => ({ [id]: captions })), 'list of {id: caption}'],
    [{ version: 2, data: rows.map(record) }, 'list of {image_id, caption} in "data"'],
    [lines(rows.map(record), '\r\n'), 'JSON Lines of {image_id, caption}'],
    [lines(Object.entries(CAPTIONS).map(([id, captions]) => ({ id, captions }))), 'JSON Lines of {id, captions}'],
    [
      ['caption,n,Image ID', ...rows.map(([id, caption], i) => `${quoted(caption)},${i},${id}`)].join('\r\n'),
      'CSV of {Image ID, caption}',
    ],
    [['image_id\tcaption', ...rows.map((row) => row.join('\t'))].join('\n'), 'TSV of {image_id, caption}'],
    [
      ['image_name| comment_number| comment', ...rows.map(([id, caption], i) => `${id}| ${i}| ${caption}`)].join('\n'),
      'bar-separated table of {image_name, comment}',
    ],
    [
      [
        'id,raw',
        ...Object.entries(CAPTIONS).map(([id, list]) => `${id},"${lines([list]).replaceAll('"', '""')}"`),
      ].join('\n'),
      'CSV of {id, raw}',
    ],
    [rows.map(([id, caption], i) => `${id}#${i}\t${caption}`).join('\n'), "Flickr's token file of {image, caption}"],
  ])('reads form %#', (content, form) => {
    const references = readReferences(file(content))
    expect({ captions: captionsOf(references), form: references.form, notes: references.notes }).toEqual({
      captions: CAPTIONS,
      form,
      notes: [],
    })
  })

  test('keeps file, imgid and split of images', () => {
    expect(readReferences(file({ images: karpathy })).images.get('3')).toEqual({
      id: '3',
      given: 3,
      captions: CAPTIONS[3],
      file: 'val2014/COCO_3.jpg',
      imgid: '1',
      split: 'restval',
    })
    const coco = { images: [{ id: 1, file_name: 'a.jpg' }], annotations: [] }
    expect(readReferences(file(coco)).images.get('1')).toEqual({ id: '1', given: 1, captions: [], file: 'a.jpg' })
    expect(readReferences(file([{ image: 'val/a.jpg', img_id: 7, caption: ['x'] }])).images.get('7')!.file).toBe(
      'val/a.jpg',
    )
  })

  test.each<[string, unknown]>([
    [
      'COCO annotations',
      { annotations: [...rows.map(record), { image_id: 1, caption: null }, { image_id: 3, caption: ' ' }] },
    ],
    ['a map', { 3: [...CAPTIONS[3], null], 1: ['', ...CAPTIONS[1]] }],
    ['JSON with NaN', `{"3": ["a kite", NaN, "two kites"], "1": ["a dog, running", "the dog", ""]}`],
    ['CSV', `id,caption\n${rows.map(([id, caption]) => `${id},"${caption}"`).join('\n')}\n1,\n3\n`],
  ])('leaves out null and empty captions of %s, and counts them', (_, content) => {
    const references = readReferences(file(content))
    expect(captionsOf(references)).toEqual(CAPTIONS)
    expect(references.notes[0]).toMatch(/^Left out 2 captions of the references( "a")?: null or empty\.$/)
  })

  test('leaves out what VizWiz rejected, in every form with such fields', () => {
    const flagged = [
      ...rows.map(([image_id, caption]) => ({ image_id, caption, is_rejected: false, is_precanned: 0 })),
      { image_id: 1, caption: 'x', is_rejected: true, is_precanned: false },
      { image_id: 2, caption: 'Quality issues are too severe', is_rejected: 0, is_precanned: 1 },
    ]
    for (const content of [{ annotations: flagged }, flagged, lines(flagged)]) {
      const references = readReferences(file(content))
      expect(captionsOf(references)).toEqual({ ...CAPTIONS, 2: [] })
      expect(references.notes[0]).toMatch(/^Left out 2 captions .* marked as rejected or precanned, as VizWiz does\.$/)
    }
  })

  test.each<[unknown, string]>([
    [{ info: {}, licenses: [] }, 'it is an object with the fields info, which are not captions'],
    [{ images: [{ id: 1, file_name: 'a.jpg' }] }, 'it has images, but no captions (no "annotations")'],
    [['a dog', 'a cat'], 'it is a list of "a dog"'],
    [[{ image_id: 1, bbox: [1], score: 0.5 }], 'index 0 has no caption, only the fields image_id, bbox, score'],
    [[{ caption: 'a dog' }], 'index 0 has no image id, only the fields caption'],
    [null, 'it is null'],
    [[{ image_id: 2 ** 60, caption: 'a dog' }], 'beyond 2^53, which JSON.parse rounds (1152921504606847000)'],
    [{ 1: ['a dog'], 2: [['a cat']] }, '1 entry without a caption (2)'],
  ])('says what %j is instead', (content, message) => {
    expect(() => readReferences(file(content))).toThrow(`Cannot read references: `)
    expect(() => readReferences(file(content))).toThrow(message)
  })
})

describe('readResults()', () => {
  const record = ([image_id, [caption]]: [string, string[]]) => ({ image_id, caption })
  const list = Object.entries(FIRST).map(record)
  const map = Object.fromEntries(list.map(({ image_id, caption }) => [image_id, caption]))

  test.each<[unknown, string]>([
    [list, 'list of {image_id, caption}'],
    [list.map(({ image_id, caption }) => ({ image_id, caption: [caption] })), 'list of {image_id, caption}'],
    [map, 'map from id to caption'],
    [FIRST, 'map from id to list of captions'],
    [
      Object.fromEntries(list.map(({ image_id, caption }) => [image_id, [{ caption }]])),
      'map from id to list of {caption}',
    ],
    [list.map(({ image_id, caption }) => ({ [image_id]: caption })), 'list of {id: caption}'],
    [lines(list), 'JSON Lines of {image_id, caption}'],
    [
      lines(list.map(({ image_id, caption }) => ({ question_id: image_id, prompt: 'p', text: caption }))),
      'JSON Lines of {question_id, text}',
    ],
    [
      `,caption,image_id\n${list.map(({ image_id, caption }, i) => `${i},"${caption}",${image_id}`).join('\n')}`,
      'CSV of {image_id, caption}',
    ],
    [
      {
        captions: list.map(({ image_id, caption }, index) => ({ image: image_id, index, caption, words: [] })),
        skipped: [],
      },
      'output of mia caption',
    ],
    [
      { captions: list.map(({ image_id, caption }) => ({ image: image_id, caption })), refused: [{ image: 'x' }] },
      'output of mia caption',
    ],
    [{ image_id: { 0: 3, 1: 1 }, caption: { 0: 'a kite', 1: 'a dog, running' } }, 'columns image_id, caption'],
    [{ image: ['3', '1'], caption: ['a kite', 'a dog, running'], n: 2 }, 'columns image, caption'],
    [{ predictions: list, config: { beam: 3 } }, 'list of {image_id, caption} in "predictions"'],
  ])('reads form %#', (content, form) => {
    const found = results(content)
    expect({ captions: captionsOf(found), form: found.form }).toEqual({ captions: FIRST, form })
  })

  test('a number and text of the same digits are one image', () => {
    const twice = [
      { image_id: 1, caption: 'a' },
      { image_id: '1', caption: 'b' },
    ]
    expect(() => results(twice)).toThrow('1 image with more than one caption (1)')
    expect(captionsOf(results(twice, { several: true }))).toEqual({ 1: ['a', 'b'] })
  })

  test('names lines of files of lines', () => {
    expect(() => results('image_id,caption\n1,a\n,b\n2,c\n,d\n')).toThrow('2 entries without an image id (line 3, 5)')
    expect(() => results('{"image_id": 1, "caption": "a"}\n\n{"image_id": 2, "caption": NaN}')).toThrow(
      '1 entry without a caption (line 3)',
    )
    expect(() => results('image_id,caption\n1,a, b\n')).toThrow('line 2 of the CSV has 3 columns, the header 2')
    expect(() => results('1,a dog\n2,a cat\n')).toThrow(
      'it is neither JSON, JSON Lines nor a table with a known header: its first line has the columns "1", "a dog"',
    )
  })

  test('scores a null caption as an empty one with emptyAsZero', () => {
    expect(captionsOf(results([{ image_id: 1, caption: null }, ...list.slice(1)], { emptyAsZero: true }))).toEqual({
      1: [''],
      3: ['a kite'],
    })
  })

  test('shows no control character of ids and names', async () => {
    const bytes = new TextEncoder().encode('{"\\u001b[31m": 5, "b\\u0007": "x"}')
    const read = readAnnotationFile(bytes, 'a\x1b.json', 'results')
    await expect(read.then((found) => results(found))).rejects.toThrow()
    const found = await read
    expect(() => readResults(found, { several: false, emptyAsZero: false })).toThrow(
      'Cannot read results "a\\x1b.json": 1 entry without a caption (\\x1b[31m)',
    )
  })
})
