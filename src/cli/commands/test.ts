import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, positive, text } from '../options.ts'
import { table } from '../output.ts'

export const test = defineCommand({
  name: 'test',
  summary: 'caption and score the pictures of a split with a trained run',
  description:
    "Captions the pictures of a split with a run's best weights, by beam search, and scores them. Captions, as COCO " +
    "results, and scores are kept in the run's folder.",
  examples: [
    { call: 'mia test --run runs/va-mia', what: 'the test split, once' },
    { call: 'mia test --run runs/va-mia --split val --beam 1 --json', what: 'greedy, for machines' },
  ],
  options: {
    run: text('folder', "the run's folder", { required: true }),
    split: choice('name', 'whose pictures', ['train', 'val', 'test'], { default: 'test' }),
    beam: positive('n', 'hypotheses kept while searching; 1 is greedy', { default: 3 }),
    maxLength: positive('words', 'words a caption may have', { default: 20 }),
    data: text('folder', 'dataset folder, by default the one it was trained on'),
  },
  async run({ run, split, beam, maxLength, data }, { signal, report }) {
    const { testRun } = await import('../../evaluation/test-run.ts')
    const onProgress = report.progress('Captions', 'pictures')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const tested = await testRun({
      engine: nodeEngine,
      run,
      split,
      beam,
      maxLength,
      signal,
      onProgress,
      ...(data !== undefined && { data }),
    })
    const { images, scores, missing, results } = tested
    if (missing.length > 0)
      report.warn(`${counted(missing.length, 'picture')} of the split without features or concepts`)
    const rows = Object.entries(scores).map(([name, score]) => [name, score.toFixed(4)])
    return {
      json: { run, split, beam, ...tested },
      text: `${run} on ${counted(images, 'picture')} of ${split}, beam ${beam}; captions in ${results}\n\n${table([['score', 'value'], ...rows])}`,
      next: `mia caption --run ${run} photo.jpg`,
    }
  },
})
