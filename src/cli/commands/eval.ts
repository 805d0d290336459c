import { UsageError, UserError } from '../../errors.ts'
import type { CorpusScore, Evaluation } from '../../metrics/index.ts'
import type { Progress } from '../../progress.ts'
import { counted, scoreText } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { flag, list, positive, seed, text } from '../options.ts'
import { table } from '../output.ts'
import type { Reporter } from '../reporter.ts'

const CONFIDENCE = { group: 'Confidence intervals' }
const RESOURCES = { group: 'Resources' }
const FILES = { group: 'Output files' }

/** `mia eval`: scores a results file. */
export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'score any captions: BLEU, METEOR, ROUGE-L, CIDEr-D, SPICE-ts',
  description:
    'Scores a results file against a references file as coco-caption does, without Java; both are tokenised. Each score ' +
    'has its range and a signature of everything that it depends on besides the captions: only scores with equal ' +
    'signatures compare. The form of both files is recognised, and named in --json; docs/formats.md shows each. ' +
    'Metrics: bleu, meteor (without paraphrases unless --paraphrases is given), rouge (ROUGE-L), ' +
    'cider (CIDEr-D, which coco-caption calls CIDEr), cider-plain, and spice-ts, our own SPICE parser; name ' +
    'SPICE-ts_object, _relation, _attribute, _color, _count or _size for its categories. With --clip also CLIPScore and ' +
    'RefCLIPScore, which look at the images.',
  examples: [
    { call: 'mia eval --references refs.json --results results.json', what: 'COCO annotations and COCO results' },
    { call: 'mia eval --references captions.csv --results results.jsonl.gz', what: 'a table and JSON Lines in gzip' },
    {
      call: 'mia eval --references dataset_coco.json --split test --results results.json',
      what: "the test split of Karpathy's dataset file",
    },
    {
      call: 'mia eval --references refs.json --results a.json --compare b.json',
      what: 'is the difference between two systems significant?',
    },
    {
      call: 'mia eval --references refs.json --results results.json --html scores.html --images pictures/',
      what: 'a page with histograms, and the best and worst captions',
    },
    {
      call: 'mia eval --references refs.json --results results.json --clip clip-vit-base-patch32/ --images pictures/',
      what: 'CLIPScore too, with your own CLIP in ONNX',
    },
  ],
  options: {
    references: text(
      'path',
      'COCO annotations, Karpathy\'s dataset file, {"id": ["caption", ...]}, JSON Lines, CSV, ... (docs/formats.md)',
      { required: true },
    ),
    results: text(
      'path',
      '[{"image_id": 1, "caption": "a dog"}, ...], {"id": "caption"}, JSON Lines, CSV, the output of mia caption --json, ...',
      { required: true },
    ),
    metrics: list('names', 'metrics or single scores, as in bleu,CIDEr (default: all but cider-plain)'),
    split: text('name', "the split of Karpathy's dataset file"),
    subset: flag('score only the images in the results; without it, missing images are an error'),
    several: flag('the results have several captions per image: score the first, and measure diversity (Self-CIDEr)'),
    emptyAsZero: flag('score empty captions as 0; without it, they are an error'),
    compare: text('path', 'results of another system: paired bootstrap test of the difference', CONFIDENCE),
    confidence: flag('95% confidence intervals (bootstrap over the images)', CONFIDENCE),
    samples: positive('n', 'bootstrap samples', { default: 1000, ...CONFIDENCE }),
    seed: seed('n', 'random seed of the bootstrap', { default: 1, ...CONFIDENCE }),
    documentFrequencies: text(
      'path',
      'document frequencies for CIDEr, as --save-document-frequencies writes them (default: of the references)',
      RESOURCES,
    ),
    paraphrases: text('path', "METEOR's paraphrase-en.gz, for METEOR as papers report it", RESOURCES),
    spiceJar: text('path', 'the official spice-1.0.jar, to compute SPICE with Java', RESOURCES),
    clip: text(
      'folder',
      'your CLIP, to compute CLIPScore on --images: vision_model.onnx, text_model.onnx, tokenizer.json, preprocessor_config.json',
      RESOURCES,
    ),
    training: text('path', 'training captions of the system, to measure how many captions are novel', RESOURCES),
    perImage: text('file', 'JSON: each caption with its references and scores', FILES),
    html: text('file', 'HTML page of the scores, one file', FILES),
    images: text('folder', 'images for the HTML page and for CLIPScore', FILES),
    saveDocumentFrequencies: text('file', 'document frequencies of the references, for --document-frequencies', FILES),
  },
  async run(values, { report }) {
    const { references: referencesPath, results, compare, confidence, samples, seed } = values
    const [{ evaluate }, { readAnnotationFile }, { checkWritable, readBytes, writeFileAtomic }] = await Promise.all([
      import('../../metrics/evaluate.ts'),
      import('../../annotations/file.ts'),
      import('../../disk/files.ts'),
    ])
    const outputs = [values.perImage, values.html, values.saveDocumentFrequencies]
    for (const path of outputs) if (path !== undefined) await checkWritable(path)
    const clip = values.clip === undefined ? undefined : await clipFrom(values.clip, values.images, report)
    const fileAt = async (path: string, what: string) => readAnnotationFile(await readBytes(path, what), path, what)
    const fileOf = async (path: string | undefined, what: string) =>
      path === undefined ? undefined : fileAt(path, what)
    const references = await fileAt(referencesPath, 'references')
    const evaluation = await evaluate({
      references,
      results: await fileAt(results, 'results'),
      metrics: values.metrics,
      split: values.split,
      subset: values.subset,
      several: values.several,
      emptyAsZero: values.emptyAsZero,
      documentFrequencies: (await fileOf(values.documentFrequencies, 'document frequencies'))?.value,
      paraphrases: values.paraphrases === undefined ? undefined : await readParaphrases(values.paraphrases),
      more: [
        ...(values.spiceJar === undefined ? [] : [(await import('../spice-jar.ts')).spiceJar(values.spiceJar)]),
        ...(clip?.families ?? []),
      ],
      training: await fileOf(values.training, 'training captions'),
      bootstrap: confidence || compare !== undefined ? { samples, seed } : undefined,
      compare: await fileOf(compare, 'other results'),
      onProgress: report.progress('Scores', 'metrics'),
    })
    await clip?.release()
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
      await write(values.html, await scorePage(nodePictures, evaluation, { folder: values.images }))
    }
    if (values.saveDocumentFrequencies !== undefined) {
      const { frequenciesOf } = await import('../../metrics/evaluate.ts')
      await write(values.saveDocumentFrequencies, `${JSON.stringify(frequenciesOf(references, values.split))}\n`)
    }
    return {
      json: { ...summary, written },
      text: [...describe(summary), ...written.map((path) => `Written: ${path}`)],
    }
  },
})

/** CLIPScore with the CLIP of a folder. Throws UsageError without a folder of images. */
async function clipFrom(clip: string, images: string | undefined, report: Reporter) {
  if (images === undefined)
    throw new UsageError('Cannot compute CLIPScore without the images: give their folder with --images')
  const [{ clipScores }, { nodeEngine }] = await Promise.all([
    import('../../evaluation/clip/clip-score.ts'),
    import('../../hosts/node/engine.ts'),
  ])
  let line: Progress | undefined
  const onProgress: Progress = (done, total) => {
    line ??= report.progress('Images', 'images')
    line(done, total)
  }
  return clipScores(nodeEngine, { clip, images, onProgress })
}

/** Reads METEOR's paraphrase table, compressed or not. Throws UserError if it cannot be read. */
async function readParaphrases(path: string): Promise<string> {
  const [{ readBytes }, { gunzipSync }] = await Promise.all([import('../../disk/files.ts'), import('node:zlib')])
  const bytes = await readBytes(path, 'paraphrases')
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  try {
    return new TextDecoder().decode(compressed ? gunzipSync(bytes) : bytes)
  } catch (error) {
    throw new UserError(`Cannot read paraphrases "${path}": its gzip data are damaged (${(error as Error).message})`)
  }
}

function describe({ scores, diversity, notes }: Omit<Evaluation, 'images'>): string[] {
  const columns: readonly (readonly [string, (score: CorpusScore) => string | undefined])[] = [
    ['score', ({ name }) => name],
    ['value', ({ score }) => scoreText(score)],
    ['95% CI', ({ interval }) => interval && between(interval)],
    ['other', ({ comparison }) => comparison && scoreText(comparison.other)],
    ['difference', ({ comparison }) => comparison && signed(comparison.difference)],
    ['95% CI', ({ comparison }) => comparison && between(comparison.interval)],
    ['p', ({ comparison }) => comparison?.p.toFixed(3)],
    ['range', ({ range }) => range.map((bound) => Number(bound.toFixed(2))).join('..')],
    ['signature', ({ signature }) => signature],
  ]
  const shown = columns.filter(([, cell]) => scores.some((score) => cell(score) !== undefined))
  const rows = scores.map((score) => shown.map(([, cell]) => cell(score) ?? ''))
  const { captions, length, vocabulary, distinct_1, distinct_2, novel, selfCIDEr } = diversity
  const statistics = [
    `${counted(captions, 'caption')} of ${length.toFixed(1)} words, ${counted(vocabulary, 'different word')}`,
    `distinct-1 ${distinct_1.toFixed(4)}, distinct-2 ${distinct_2.toFixed(4)}`,
    ...(novel === undefined ? [] : [`${(100 * novel).toFixed(1)}% novel`]),
    ...(selfCIDEr === undefined ? [] : [`Self-CIDEr ${selfCIDEr.toFixed(4)}`]),
  ]
  const scoreTable = table([shown.map(([name]) => name), ...rows])
  return [...scoreTable, '', statistics.join('; '), ...notes.flatMap((note) => ['', note])]
}

const between = ([low, high]: readonly [number, number]): string => `${scoreText(low)}..${scoreText(high)}`

const signed = (value: number): string => `${value >= 0 ? '+' : ''}${scoreText(value)}`
