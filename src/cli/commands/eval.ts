import type { CorpusScore, Evaluation } from '../../metrics/index.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { count, flag, list, positive, text } from '../options.ts'
import { table } from '../output.ts'

const CONFIDENCE = { group: 'How sure' }
const RESOURCES = { group: 'What metrics are given' }
const FILES = { group: 'What is written' }

export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'score captions: BLEU, METEOR, ROUGE-L, CIDEr, SPICE-ts',
  description:
    'Scores a results file against a references file as coco-caption does, tokenising both, without Java. Each score comes with its ' +
    'range and with a signature of all that it depends on beside the captions: only scores of one signature compare. ' +
    'The metrics: bleu, meteor (without its table of paraphrases, unless it is given), rouge, cider (CIDEr-D, which coco-caption calls CIDEr), cider-plain, spice-ts ' +
    '(scene graphs of our own in the manner of SPICE, with the scores of objects, relations, attributes, colours, counts and sizes where asked for by name).',
  examples: [
    { call: 'mia eval --references refs.json --results results.json', what: 'COCO annotations and COCO results' },
    {
      call: 'mia eval --references dataset_coco.json --split test --results results.json',
      what: "Karpathy's test images",
    },
    {
      call: 'mia eval --references refs.json --results a.json --compare b.json',
      what: 'is b really better than a?',
    },
    {
      call: 'mia eval --references refs.json --results results.json --html scores.html --images pictures/',
      what: 'a page: how scores are spread, the best and the worst captions',
    },
  ],
  options: {
    references: text('path', 'COCO annotations, Karpathy\'s dataset file, or {"id": ["caption", ...]}', {
      required: true,
    }),
    results: text('path', 'COCO results: [{"image_id": 1, "caption": "a dog"}, ...]', { required: true }),
    metrics: list('names', 'which metrics or scores, as in bleu,CIDEr; all but cider-plain by default'),
    split: text('name', "the part of Karpathy's file that the results are of"),
    subset: flag('score the images that have a result, even if others have none'),
    several: flag(
      'the results have several captions of an image: score the first, and say how they differ (Self-CIDEr)',
    ),
    emptyAsZero: flag('score empty captions 0 instead of refusing them'),
    compare: text('path', "another system's results: is the difference real? (paired bootstrap)", CONFIDENCE),
    confidence: flag('in what range 95% of the scores of other such images lie (bootstrap)', CONFIDENCE),
    samples: positive('count', 'draws of the bootstrap', { default: 1000, ...CONFIDENCE }),
    seed: count('number', 'seed of the bootstrap', { default: 1, ...CONFIDENCE }),
    documentFrequencies: text('path', "CIDEr's document frequencies, of a training set as a rule", RESOURCES),
    paraphrases: text('path', "METEOR's paraphrase-en.gz, for the scores of papers", RESOURCES),
    spiceJar: text('path', 'the official spice-1.0.jar, for SPICE itself; needs Java', RESOURCES),
    training: text('path', 'the captions that the system learned from: which of its own are novel?', RESOURCES),
    perImage: text('file', 'each caption with its references and scores, as JSON', FILES),
    html: text('file', 'a page of the scores, in one file', FILES),
    images: text('folder', 'the pictures, for the page', FILES),
    saveDocumentFrequencies: text('file', "the document frequencies of the references' captions", FILES),
  },
  async run(values, { report }) {
    const { references: referencesPath, results, compare, confidence, samples, seed } = values
    const [{ evaluate }, { readJson, writeFileAtomic }] = await Promise.all([
      import('../../metrics/evaluate.ts'),
      import('../../disk/files.ts'),
    ])
    const jsonOf = (path: string | undefined, what: string) => (path === undefined ? undefined : readJson(path, what))
    const references = await readJson(referencesPath, 'references')
    const evaluation = await evaluate({
      references,
      results: await readJson(results, 'results'),
      metrics: values.metrics,
      split: values.split,
      subset: values.subset,
      several: values.several,
      emptyAsZero: values.emptyAsZero,
      documentFrequencies: await jsonOf(values.documentFrequencies, 'document frequencies'),
      paraphrases: values.paraphrases === undefined ? undefined : await readParaphrases(values.paraphrases),
      more: values.spiceJar === undefined ? [] : [(await import('../spice-jar.ts')).spiceJar(values.spiceJar)],
      training: await jsonOf(values.training, 'training captions'),
      bootstrap: confidence || compare !== undefined ? { samples, seed } : undefined,
      compare: await jsonOf(compare, 'results'),
      onProgress: report.progress('Scores', 'metrics'),
    })
    report.finish()
    const { images, ...summary } = evaluation
    const written: string[] = []
    const write = async (path: string, content: string) => {
      await writeFileAtomic(path, content)
      written.push(path)
    }
    if (values.perImage !== undefined) await write(values.perImage, `${JSON.stringify(images, null, 1)}\n`)
    if (values.html !== undefined) {
      const { scorePage } = await import('../../pages/score-page.ts')
      const { nodePictures } = await import('../../hosts/node/pictures.ts')
      await write(values.html, await scorePage(nodePictures, evaluation, { references, folder: values.images }))
    }
    if (values.saveDocumentFrequencies !== undefined) {
      const { frequenciesOf } = await import('../../metrics/evaluate.ts')
      await write(values.saveDocumentFrequencies, `${JSON.stringify(frequenciesOf(references, values.split))}\n`)
    }
    return {
      json: { ...summary, written },
      text: [describe(summary), ...written.map((path) => `Written: ${path}`)].join('\n'),
    }
  },
})

/** The text of METEOR's table, which comes compressed. Throws UserError if it cannot be read. */
async function readParaphrases(path: string): Promise<string> {
  const [{ readBytes }, { gunzipSync }] = await Promise.all([import('../../disk/files.ts'), import('node:zlib')])
  const bytes = await readBytes(path, 'paraphrases')
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  return new TextDecoder().decode(compressed ? gunzipSync(bytes) : bytes)
}

function describe({ scores, diversity, notes }: Omit<Evaluation, 'images'>): string {
  const columns: readonly (readonly [string, (score: CorpusScore) => string | undefined])[] = [
    ['score', ({ name }) => name],
    ['value', ({ score }) => score.toFixed(4)],
    ['95%', ({ interval }) => interval && between(interval)],
    ['other', ({ comparison }) => comparison?.other.toFixed(4)],
    ['difference', ({ comparison }) => comparison && signed(comparison.difference)],
    ['95% of it', ({ comparison }) => comparison && between(comparison.interval)],
    ['p', ({ comparison }) => comparison?.p.toFixed(3)],
    ['range', ({ range }) => range.join('..')],
    ['signature', ({ signature }) => signature],
  ]
  const shown = columns.filter(([, cell]) => scores.some((score) => cell(score) !== undefined))
  const rows = scores.map((score) => shown.map(([, cell]) => cell(score) ?? ''))
  const { captions, length, vocabulary, distinct_1, distinct_2, novel, selfCIDEr } = diversity
  const words = [
    `${counted(captions, 'caption')} of ${length.toFixed(1)} words, ${counted(vocabulary, 'different word')}`,
    `distinct-1 ${distinct_1.toFixed(4)}, distinct-2 ${distinct_2.toFixed(4)}`,
    ...(novel === undefined ? [] : [`${(100 * novel).toFixed(1)}% novel`]),
    ...(selfCIDEr === undefined ? [] : [`Self-CIDEr ${selfCIDEr.toFixed(4)}`]),
  ]
  return [table([shown.map(([name]) => name), ...rows]), words.join('; '), ...notes].join('\n\n')
}

const between = ([low, high]: readonly [number, number]): string => `${low.toFixed(4)}..${high.toFixed(4)}`

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(4)}`
