import { describe, expect, test } from 'vitest'
import { cocoNumberOf, matchIds, type NamedImage, numberOf } from '../../src/annotations/ids.ts'

const named = (ids: readonly string[]): NamedImage[] => ids.map((id) => ({ id }))
const idsOf = (asked: readonly string[], known: readonly NamedImage[]) =>
  Object.fromEntries(matchIds(named(asked), known).ids)

describe('matchIds()', () => {
  const coco: NamedImage[] = [
    { id: '42', file: 'COCO_val2014_000000000042.jpg' },
    { id: '500', file: 'COCO_val2014_000000000500.jpg' },
  ]

  test.each([
    [['000000000042', '0500']],
    [['42.0', '500.0']],
    [[' 42', '500 ']],
    [['42', '000500']],
    [['COCO_val2014_000000000042.jpg', 'COCO_val2014_000000000500.jpg']],
    [['photos/COCO_val2014_000000000042.jpg', 'b\\COCO_val2014_000000000500.jpg']],
    [['COCO_val2014_000000000042', 'COCO_val2014_000000000500']],
    [['000000000042.jpg', '000000000500.jpg']],
    [['coco_42', 'coco_500']],
    [['42.jpg', 'x/500.png']],
    [
      [
        'http://images.cocodataset.org/val2017/000000000042.jpg',
        'http://images.cocodataset.org/val2017/000000000500.jpg',
      ],
    ],
  ])('matches %j', (asked) => {
    const { ids, note } = matchIds(named(asked), coco)
    expect([...ids.values()]).toEqual(['42', '500'])
    expect(note).toMatch(/^Image ids are matched (as|by) .* is \d+\.$/)
  })

  test('matches ids of file names to numbers, and numbers beyond 2^53 digit by digit', () => {
    expect(idsOf(['7'], [{ id: 'val2014/COCO_val2014_000000000007.jpg' }])).toEqual({
      7: 'val2014/COCO_val2014_000000000007.jpg',
    })
    expect(idsOf(['009007199254740993'], named(['9007199254740992', '9007199254740993']))).toEqual({
      '009007199254740993': '9007199254740993',
    })
  })

  test('matches file names that macOS decomposed', () => {
    expect(idsOf(['cafe\u0301.jpg'], named(['caf\u00e9.jpg']))).toEqual({ 'cafe\u0301.jpg': 'caf\u00e9.jpg' })
  })

  test('returns equal ids as they are, without a note', () => {
    expect(matchIds(named(['007']), named(['7', '007']))).toEqual({ ids: new Map([['007', '007']]) })
  })

  test('does not match two ids to one image, nor one id to two images', () => {
    expect(idsOf(['42', '042'], coco)).toEqual({ 42: '42' })
    expect(idsOf(['a/1.jpg'], named(['b/1.jpg', 'c/1.jpg']))).toEqual({})
  })

  test('matches nearly all, so that the others can be named', () => {
    const known = Array.from({ length: 20 }, (_, i) => String(i + 1))
    const asked = [...known.slice(1).map((id) => id.padStart(6, '0')), '999999']
    const { ids, note } = matchIds(named(asked), named(known))
    expect([ids.size, ids.has('999999'), note]).toEqual([
      19,
      false,
      'Image ids are matched as numbers, without leading zeros: 000002 is 2.',
    ])
  })

  test.each<[string, readonly string[], readonly NamedImage[], string]>([
    [
      "Karpathy's imgid",
      ['0', '1'],
      [
        { id: '42', imgid: '0' },
        { id: '500', imgid: '1' },
      ],
      "all would match by Karpathy's imgid (0 is 42): write the cocoid in place of the imgid",
    ],
    [
      'another case',
      ['Photo_A.JPG', 'Photo_B.JPG'],
      named(['photo_a', 'photo_b']),
      'all would match in any case of the letters (Photo_A.JPG is photo_a): write the ids as the references have them',
    ],
    [
      'a number in the id',
      ['image-42', 'image-500'],
      coco,
      'all would match by the last number in the id (image-42 is 42): write the ids as the references have them',
    ],
  ])('only proposes %s, which may match by chance', (_, asked, known, hint) => {
    expect(matchIds(named(asked), known)).toEqual({ ids: new Map(), hint })
  })

  test('proposes nothing for ids of another dataset', () => {
    expect(matchIds(named(['a', 'b']), coco)).toEqual({ ids: new Map() })
  })
})

test('numberOf() and cocoNumberOf() return digits without leading zeros', () => {
  expect(['0042', '0', '000', '42.0', 'a1', ''].map(numberOf)).toEqual(['42', '0', '0', '42', undefined, undefined])
  const names = [
    'COCO_train2014_000000000009.jpg',
    'coco_9',
    '000000000009',
    '9',
    '1000092795.jpg',
    'VizWiz_val_00000009.jpg',
  ]
  expect(names.map(cocoNumberOf)).toEqual(['9', '9', '9', undefined, undefined, undefined])
})
