import { defineCommand } from '../command.ts'
import { flag, list, text } from '../options.ts'
import { table } from '../output.ts'

export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'score captions against references: BLEU-1..4, CIDEr-D',
  description:
    'Scores a results file against a references file as coco-caption does, tokenising both. Each score comes with its ' +
    'range and with a signature of all that it depends on beside the captions: only scores of one signature compare.',
  examples: [
    { call: 'mia eval --references refs.json --results results.json', what: 'COCO annotations and COCO results' },
    {
      call: 'mia eval --references dataset_coco.json --split test --results results.json',
      what: "Karpathy's test images",
    },
    {
      call: 'mia eval --references refs.json --results results.json --per-image --json',
      what: 'the scores of each caption',
    },
  ],
  options: {
    references: text('path', 'COCO annotations, Karpathy\'s dataset file, or {"id": ["caption", ...]}', {
      required: true,
    }),
    results: text('path', 'COCO results: [{"image_id": 1, "caption": "a dog"}, ...]', { required: true }),
    metrics: list('names', 'which scores, as in Bleu_4,CIDEr; all by default'),
    split: text('name', "the part of Karpathy's file that the results are of"),
    subset: flag('score the images that have a result, even if others have none'),
    perImage: flag('the scores of each caption too'),
  },
  async run({ references, results, metrics, split, subset, perImage }) {
    const [{ evaluate }, { readJson }] = await Promise.all([
      import('../../metrics/evaluate.ts'),
      import('../../files.ts'),
    ])
    const { scores, images, notes } = evaluate({
      references: await readJson(references, 'references'),
      results: await readJson(results, 'results'),
      metrics,
      split,
      subset,
    })
    const each = perImage ? { images } : {}
    return { json: { scores, notes, ...each }, text: describe(scores, notes, perImage ? images : []) }
  },
})

type Evaluation = ReturnType<typeof import('../../metrics/evaluate.ts').evaluate>

function describe(scores: Evaluation['scores'], notes: Evaluation['notes'], images: Evaluation['images']): string {
  const corpus = table([
    ['score', 'value', 'range', 'signature'],
    ...scores.map(({ name, score, range, signature }) => [name, score.toFixed(4), range.join('..'), signature]),
  ])
  const names = scores.map(({ name }) => name)
  const each = table([
    ['image', ...names],
    ...images.map(({ image_id, scores }) => [String(image_id), ...names.map((name) => scores[name]!.toFixed(4))]),
  ])
  return [corpus, ...(images.length > 0 ? [each] : []), ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n')
}
