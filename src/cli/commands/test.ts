import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, text } from '../options.ts'
import { shellQuoted, table } from '../output.ts'
import { SEARCH, searchOf } from '../search-options.ts'

/** `mia test`: captions and scores a split. */
export const test = defineCommand({
  name: 'test',
  summary: 'caption a split of the dataset, and score the captions',
  description:
    'Captions the images of a split with the best weights of a run, and scores the captions. Writes the ' +
    "captions, in the results format of COCO, and the scores into the run's folder.",
  examples: [
    { call: 'mia test --run runs/va-mia', what: 'the test split' },
    { call: 'mia test --run runs/va-mia --split val --beam 1 --json', what: 'the validation split, greedy search' },
    { call: 'mia test --run runs/va-mia --block-repeated-words --length-penalty wu_0.7', what: 'another search' },
  ],
  options: {
    run: text('folder', 'run folder', { required: true }),
    split: choice('name', 'split to caption', ['train', 'val', 'test'], { default: 'test' }),
    data: text('folder', 'dataset folder (default: the one the run was trained on)'),
    ...SEARCH,
  },
  async run({ run, split, data, ...asked }, { signal, report }) {
    const search = await searchOf(asked)
    const { testRun } = await import('../../evaluation/test-run.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const tested = await testRun({
      engine: nodeEngine,
      run,
      split,
      search,
      signal,
      onProgress: report.progress('Captions', 'images'),
      ...(data !== undefined && { data }),
    })
    const { images, scores, missing, results } = tested
    if (missing.length > 0)
      report.warn(`skipped ${counted(missing.length, 'image')} of the split without features or concepts`)
    const rows = Object.entries(scores).map(([name, score]) => [name, score.toFixed(4)])
    return {
      json: { run, split, ...search, ...tested },
      text: [
        `${run} on ${counted(images, 'image')} of ${split}, beam ${search.beam}; captions: ${results}`,
        '',
        ...table([['score', 'value'], ...rows]),
      ],
      next: `mia caption --run ${shellQuoted(run)} photo.jpg`,
    }
  },
})
