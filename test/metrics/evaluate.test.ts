import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { frequenciesOf } from '../../src/metrics/evaluate.ts'
import {
  type Evaluation,
  type EvaluationInput,
  evaluate,
  parseAnnotations,
  readAnnotationFile,
} from '../../src/metrics/index.ts'

const golden = new URL('../../../shared/golden/metrics/flickr8k_dev_human0_vs_rest.json', import.meta.url)

const lists = {
  1: ['A brown dog runs.', 'The dog is running'],
  2: ['Two cats sleep in a box', 'cats in a box'],
  3: ['A red car', 'a red car parks'],
}
const results = [
  { image_id: 3, caption: 'A red car parks.' },
  { image_id: 1, caption: 'a brown dog' },
  { image_id: 2, caption: 'two cats' },
]
const coco = {
  info: {},
  images: [{ id: 1 }, { id: 2 }, { id: 3 }],
  annotations: Object.entries(lists).flatMap(([id, captions]) =>
    captions.map((caption) => ({ id: 7, image_id: Number(id), caption })),
  ),
}
const karpathy = {
  images: [
    ...Object.entries(lists).map(([id, captions]) => ({
      cocoid: Number(id),
      split: id === '1' ? 'train' : 'restval',
      sentences: captions.map((raw) => ({ raw, tokens: ['not', 'read'] })),
    })),
    { cocoid: 4, split: 'test', sentences: [{ raw: 'a kite' }] },
  ],
}

const corpus = ({ scores }: Evaluation): Record<string, number> =>
  Object.fromEntries(scores.map(({ name, score }) => [name, score]))
async function complaint(input: EvaluationInput): Promise<string> {
  try {
    await evaluate(input)
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
  return 'none'
}

describe('evaluate()', () => {
  test('accepts names of metrics and of scores, in any case', async () => {
    const names = async (metrics: string[]) =>
      Object.keys(corpus(await evaluate({ references: lists, results, metrics })))
    expect(await names(['bleu', 'CIDEr'])).toEqual(['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'CIDEr'])
    expect(await names(['rouge_l', 'cider-plain', 'Bleu_2'])).toEqual(['Bleu_2', 'ROUGE_L', 'CIDEr_plain'])
  })

  test('scores the first of several captions with `several`, and computes their Self-CIDEr', async () => {
    const several = [...results, { image_id: 3, caption: 'a blue boat' }]
    const one = await evaluate({ references: lists, results })
    const both = await evaluate({ references: lists, results: several, several: true })
    expect(corpus(both)).toEqual(corpus(one))
    expect([one.diversity.selfCIDEr, both.diversity.selfCIDEr! > 0.8, both.diversity.captions]).toEqual([
      undefined,
      true,
      4,
    ])
  })

  test('computes confidence intervals and compares with other results', async () => {
    const other = results.map(({ image_id }) => ({ image_id, caption: lists[image_id as 1 | 2 | 3][0]! }))
    const bootstrap = { samples: 200, seed: 1 }
    const { scores } = await evaluate({ references: lists, results, compare: other, bootstrap, metrics: ['rouge'] })
    const { score, interval, comparison } = scores[0]!
    expect(interval![0]).toBeLessThanOrEqual(score)
    expect(interval![1]).toBeGreaterThanOrEqual(score)
    expect(comparison!.other).toBe(1)
    expect(comparison!.difference).toBeCloseTo(1 - score, 12)
  })

  test('uses saved document frequencies, and computes the fraction of novel captions', async () => {
    const training = { 7: ['Two cats!'], 8: ['a bird'] }
    const found = await evaluate({
      references: { 2: lists[2] },
      results: [{ image_id: 2, caption: 'two cats' }],
      documentFrequencies: frequenciesOf(training),
      training,
    })
    expect(corpus(found).CIDEr).toBeGreaterThan(0)
    expect(found.scores.find(({ name }) => name === 'CIDEr')!.signature).toContain('df:saved-2')
    expect([found.notes, found.diversity.novel]).toEqual([[], 0])
  })

  test.skipIf(!existsSync(golden))("computes coco-caption's scores from raw captions (needs ../shared)", async () => {
    const { refs, cands, scores, per_image } = JSON.parse(readFileSync(golden, 'utf8'))
    const found = await evaluate({
      references: refs,
      results: Object.entries<string[]>(cands).map(([image_id, [caption]]) => ({ image_id, caption })),
    })
    const names = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'METEOR', 'ROUGE_L', 'CIDEr', 'SPICE-ts']
    expect(Object.keys(corpus(found))).toEqual(names)
    for (const [name, score] of Object.entries(corpus(found)))
      if (name !== 'SPICE-ts')
        expect(score, name).toBeCloseTo(scores[name === 'METEOR' ? 'METEOR_exact_stem_synonym' : name], 8)
    expect(found.images).toHaveLength(1000)
    for (const { image_id, scores } of found.images) expect(scores.CIDEr).toBeCloseTo(per_image[image_id].CIDEr, 8)
  })

  test("computes the same scores from lists, COCO's annotations and Karpathy's train and restval", async () => {
    const fromLists = await evaluate({ references: lists, results })
    expect(corpus(await evaluate({ references: coco, results }))).toEqual(corpus(fromLists))
    expect(corpus(await evaluate({ references: karpathy, results }))).toEqual(corpus(fromLists))
    expect(corpus(await evaluate({ references: karpathy, results, split: 'train' }))).toEqual(corpus(fromLists))
    expect(corpus(fromLists).CIDEr).toBeGreaterThan(1)
  })

  test('returns the scores of each image with the id from the results', async () => {
    const { images } = await evaluate({ references: lists, results, metrics: ['CIDEr'] })
    expect(images.map(({ image_id }) => image_id)).toEqual([1, 2, 3])
    const alone = await evaluate({ references: lists, results: [...results].reverse(), metrics: ['CIDEr'] })
    expect(alone.images).toEqual(images)
    expect(Object.keys(images[0]!.scores)).toEqual(['CIDEr'])
  })

  test("identifies Flickr's images by file name without extension", async () => {
    const references = { images: [{ filename: 'a_1.b.jpg', split: 'val', sentences: [{ raw: 'a dog' }] }] }
    const found = await evaluate({ references, results: [{ image_id: 'a_1.b', caption: 'a dog' }] })
    expect(corpus(found).Bleu_1).toBeCloseTo(1, 6)
  })

  test('returns the range and the signature of each score', async () => {
    const { scores } = await evaluate({ references: { ...lists, 2: ['cats'] }, results })
    expect(scores.map(({ range }) => range[1])).toEqual([1, 1, 1, 1, 1, 1, 10, 1])
    expect(scores.map(({ signature }) => signature).slice(3, 7)).toEqual([
      'Bleu_4|tok:ptb-3.4.1|n:4|length:closest|add:1e-15/1e-9|refs:1-2|images:3|version:2',
      'METEOR|tok:ptb-3.4.1|modules:exact+stem+synonym|wordnet:3.0|task:rank|refs:1-2|images:3|version:2',
      'ROUGE_L|tok:ptb-3.4.1|beta:1.2|refs:1-2|images:3|version:2',
      'CIDEr|tok:ptb-3.4.1|n:4|sigma:6|df:references|refs:1-2|images:3|version:2',
    ])
  })

  test('notes why CIDEr of one image is 0', async () => {
    const found = await evaluate({ references: { a: ['a dog'] }, results: [{ image_id: 'a', caption: 'a dog' }] })
    expect(corpus(found).CIDEr).toBe(0)
    expect(found.notes).toEqual([
      'CIDEr of one image is always 0: its idf weights need several images or --document-frequencies.',
    ])
  })

  test('scores a subset with `subset`, and notes it', async () => {
    const some = await evaluate({ references: lists, results: results.slice(0, 2), subset: true })
    expect(some.images.map(({ image_id }) => image_id)).toEqual([1, 3])
    expect(some.notes).toEqual(['Scored 2 images of 3: those with results.'])
  })

  test('scores a caption of punctuation as 0, and notes it', async () => {
    const found = await evaluate({
      references: { a: ['x'], b: ['y'] },
      results: [
        { image_id: 'a', caption: '...' },
        { image_id: 'b', caption: 'y' },
      ],
    })
    expect(found.images[0]!.scores.CIDEr).toBe(0)
    expect(found.notes).toEqual(['1 caption without words.'])
  })

  test('splits a token at its no-break space, as the original scorers do', async () => {
    const found = await evaluate({
      references: { a: ['1 1/2 pies'], b: ['dog'] },
      results: [
        { image_id: 'a', caption: '1/2 pies' },
        { image_id: 'b', caption: 'dog' },
      ],
      metrics: ['Bleu_1'],
    })
    expect(found.images[0]!.scores.Bleu_1).toBeCloseTo(Math.exp(1 - 3 / 2), 6)
  })

  test('scores an empty caption 0 with `emptyAsZero`, and otherwise refuses it with the image id', async () => {
    const references = { a: ['a dog runs'], b: ['a cat sits'] }
    const results = [
      { image_id: 'a', caption: ' \n' },
      { image_id: 'b', caption: 'a cat sits' },
    ]
    const { images } = await evaluate({ references, results, emptyAsZero: true })
    expect(images[0]!.scores.CIDEr).toBe(0)
    expect(images[0]!.scores.Bleu_4).toBeLessThan(1e-6)
    expect(images[1]!.scores.Bleu_1).toBeCloseTo(1, 6)
    await expect(evaluate({ references, results })).rejects.toThrow(
      'Cannot score results: 1 image with an empty caption (a); give it one, or score it 0 with --empty-as-zero',
    )
  })

  test('scores results in other forms, whose ids are padded numbers or file names, as the list of numbers', async () => {
    const scores = corpus(await evaluate({ references: coco, results }))
    const padded = results.map(({ image_id, caption }) => ({ image_id: String(image_id).padStart(12, '0'), caption }))
    const found = await evaluate({ references: coco, results: padded })
    expect(corpus(found)).toEqual(scores)
    expect(found.images.map(({ image_id }) => image_id)).toEqual(['000000000001', '000000000002', '000000000003'])
    expect(found.notes).toEqual(['Image ids are matched as numbers, without leading zeros: 000000000003 is 3.'])
    const captions = padded.map(({ image_id, caption }) => ({ image: `photos/${image_id}.jpg`, caption }))
    const other = await evaluate({ references: coco, results: { captions }, compare: padded })
    expect(corpus(other)).toEqual(scores)
    expect(other.scores.every(({ comparison }) => comparison!.difference === 0)).toBe(true)
    expect(other.forms).toEqual({
      references: 'COCO annotations',
      results: 'output of mia caption',
      compare: 'list of {image_id, caption}',
    })
  })

  test('reads bytes of files, and keeps ids beyond 2^53', async () => {
    const bytes = new TextEncoder().encode('{"9007199254740993": "a dog", "9007199254740992": "a cat"}')
    const text =
      '[{"image_id": 9007199254740992, "caption": "a cat"}, {"image_id": 9007199254740993, "caption": "a dog"}]'
    const references = await readAnnotationFile(bytes, 'refs.json', 'references')
    const found = await evaluate({ references, results: parseAnnotations(text, 'results') })
    expect(corpus(found).Bleu_1).toBeCloseTo(1, 6)
    expect(found.images.map(({ image_id }) => image_id).sort()).toEqual(['9007199254740992', '9007199254740993'])
    const rounded = evaluate({ references, results: JSON.parse(text) })
    await expect(rounded).rejects.toThrow('beyond 2^53, which JSON.parse rounds (9007199254740992')
  })

  test('leaves out images and captions that cannot be scored, and notes it', async () => {
    const references = {
      images: [...coco.images, { id: 4, file_name: 'd.jpg' }],
      annotations: [
        ...coco.annotations,
        { image_id: 1, caption: null },
        { image_id: 4, caption: 'x', is_rejected: true },
      ],
    }
    const found = await evaluate({ references, results })
    expect(corpus(found)).toEqual(corpus(await evaluate({ references: coco, results })))
    expect(found.notes).toEqual([
      'Left out 1 caption of the references marked as rejected or precanned, as VizWiz does.',
      'Left out 1 caption of the references: null or empty.',
      'Left out 1 image without references: 4.',
    ])
  })

  test('notes traits of captions that lower scores: no spaces, leftover tokens, paragraphs', async () => {
    const notesOn = async (caption: string, reference: string) => {
      const references = { 1: [reference], 2: ['a cat sits'] }
      const results = { 1: caption, 2: caption }
      return (await evaluate({ references, results, metrics: ['Bleu_1'] })).notes
    }
    expect(await notesOn('a dog runs', 'a dog')).toEqual([])
    expect(await notesOn('一只狗在草地上跑', '一只 狗 在 跑')).toEqual([
      expect.stringMatching(/^There are 2 of 2 .* segment/),
    ])
    expect(await notesOn('<s> a dog </s>', 'a dog')).toEqual([expect.stringMatching(/leftover tokens \(<s>, <\/s>\)/)])
    expect(await notesOn('A brown dog runs on the grass. '.repeat(9), 'a dog')).toEqual([
      'The captions have 63 words on average, the references 3: paragraphs score low against short references; ' +
        'generate one sentence per image.',
    ])
  })

  test('notes that --split has no effect on references without splits', async () => {
    const { notes } = await evaluate({ references: lists, results, split: 'val', metrics: ['Bleu_1'] })
    expect(notes).toEqual(['The references have no splits: --split has no effect.'])
  })

  test('can be called many times in one process', async () => {
    // wink-nlp escapes a part of its model again whenever it is loaded, which doubles its text
    for (let i = 0; i < 30; i++) await evaluate({ references: lists, results, metrics: ['SPICE-ts'] })
  })

  test('accepts names of object properties as ids', async () => {
    const references = JSON.parse('{"__proto__": ["a dog"], "constructor": ["a cat"]}')
    const ids = ['__proto__', 'constructor']
    const found = await evaluate({ references, results: ids.map((image_id) => ({ image_id, caption: 'a dog' })) })
    expect(found.images.map(({ image_id }) => image_id)).toEqual(ids)
  })

  const many = Array.from({ length: 1200 }, (_, i) => ({ image_id: i + 10, caption: 'a' }))
  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000))
  const twoKarpathy = { images: [{ ...karpathy.images[0], split: 'dev' }] }
  test.each<[string, Partial<EvaluationInput>, string]>([
    [
      'an empty object as results',
      { results: {} },
      'Cannot read results: it has no captions; results are a list of {"image_id": 1, "caption": "a dog"}',
    ],
    ['no results', { results: [] }, 'Cannot read results: the list is empty;'],
    [
      'a result without id',
      { results: [null, ...results, { caption: 'a' }] },
      'Cannot read results: 2 entries without an image id (index 0, 4);',
    ],
    [
      'a caption that is a number',
      { results: [{ image_id: 1, caption: 5 }] },
      'Cannot read results: 1 entry without a caption (index 0);',
    ],
    [
      'two captions of an image',
      { results: [...results, results[0]] },
      'Cannot score results: 1 image with more than one caption (3);',
    ],
    [
      'images that are not in the references',
      { results: many },
      'Cannot score results: 1,200 images not among the references (10, 11, 12 and 1,197 more);',
    ],
    [
      'missing images',
      { results: results.slice(1) },
      'Cannot score results: 1 image of 3 without a caption (3); give one for each image, or score the others alone with --subset',
    ],
    [
      'an unknown metric',
      { metrics: ['Bleu_4', 'SPIDEr'] },
      'Cannot score results: 1 metric not known (SPIDEr); the metrics and scores are bleu, Bleu_1, Bleu_2, Bleu_3, Bleu_4, meteor',
    ],
    [
      'an empty list as references',
      { references: [] },
      'Cannot read references: the list is empty; give COCO annotations',
    ],
    ['references without images', { references: {} }, 'Cannot read references: it has no images;'],
    [
      'references that are not captions',
      { references: { 1: 'a dog', 2: ['x', 3] } },
      'Cannot read references: 1 entry without a caption (2);',
    ],
    [
      'an image of the results without references',
      { references: { ...lists, 3: [] } },
      'Cannot score results: 1 image without captions in the references (3); leave it out of the results',
    ],
    [
      'an annotation with a number as caption',
      { references: { annotations: [{ image_id: 1, caption: 5 }] } },
      'Cannot read references: 1 entry without a caption (index 0);',
    ],
    [
      'an annotation with an object as image id',
      { references: { annotations: [{ image_id: {}, caption: 'a' }] } },
      'Cannot read references: 1 entry without an image id (index 0);',
    ],
    [
      'an image with an object as id',
      { references: { ...coco, images: [{ id: 1 }, { id: { a: 1 } }] } },
      'Cannot read references: 1 image without id (index 1);',
    ],
    [
      'an image id nested 20,000 deep',
      { references: { ...coco, images: [{ id: deep }] } },
      'Cannot read references: 1 image without id (index 0);',
    ],
    [
      'a cocoid nested 20,000 deep',
      { references: { images: [{ ...karpathy.images[0], cocoid: deep }] } },
      'Cannot read references: 1 entry without an image id (index 0);',
    ],
    [
      'a result with an image id nested 20,000 deep',
      { results: [{ image_id: deep, caption: 'a' }] },
      'Cannot read results: 1 entry without an image id (index 0);',
    ],
    [
      'a split that does not exist',
      { references: twoKarpathy, results: results.slice(1, 2) },
      'Cannot read references: 1 image without split train, restval, val or test (1);',
    ],
    [
      'a split that the file does not have',
      { references: karpathy, split: 'val' },
      'Cannot read references: it has no split "val"; choose one of train, test',
    ],
    [
      'images of another split',
      { references: karpathy, results: [...results, { image_id: 4, caption: 'a kite' }] },
      'Cannot score results: 1 image of another split of the references (4); give results of one split, as chosen with --split',
    ],
    [
      "results with Karpathy's imgid",
      {
        references: { images: karpathy.images.map((image, i) => ({ ...image, imgid: i, cocoid: image.cocoid + 100 })) },
        results: [{ image_id: 0, caption: 'a dog' }],
      },
      'Cannot score results: 1 image not among the references (0); the references have ids like 101 and 102; ' +
        "all would match by Karpathy's imgid (0 is 101): write the cocoid in place of the imgid",
    ],
    [
      'other results without captions of some images',
      { compare: results.slice(1) },
      'Cannot compare other results: 1 image without a caption in them (3); they have ids like 1 and 2;',
    ],
    [
      'results of another dataset',
      { references: karpathy, results: many },
      'more); the references have ids like 1 and 2; give the references of their dataset and split',
    ],
  ])('refuses %s', async (_, input, message) => {
    expect(await complaint({ references: lists, results, ...input })).toContain(message)
  })
})
