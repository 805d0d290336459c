import { CPU } from '../../device.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, repeated, text } from '../options.ts'
import { shellQuoted, table } from '../output.ts'
import { partAnswer, refuseShardOnRanks } from '../parts.ts'
import { SEARCH, searchOf } from '../search-options.ts'
import { DEVICE, PRECISION, SHARD } from '../shared-options.ts'

/** `mia test`: captions and scores a split. */
export const test = defineCommand({
  name: 'test',
  summary: 'caption a split of the dataset, and score the captions',
  description:
    'Captions the images of a split with the best weights of a run, and scores the captions. Writes the captions, in ' +
    "the results format of COCO, and the scores into the run's folder. Of several captions of an image (--captions) " +
    'the first is scored; the score of the best, and their diversity, are reported as well.',
  examples: [
    { call: 'mia test --run runs/va-mia', what: 'the test split' },
    { call: 'mia test --run runs/va-mia --split val --beam 1 --json', what: 'the validation split, greedy search' },
    { call: 'mpirun -n 4 npx mia test --run runs/va-mia', what: 'the test split, shared out among four ranks of MPI' },
    { call: 'mia test --run runs/va-mia --shard 2/8', what: 'the second of eight parts, each a job of its own' },
    { call: 'mia test --run runs/va-mia --block-repeated-words --length-penalty wu_0.7', what: 'another search' },
    { call: 'mia test --run runs/va-mia --run runs/updown-mia', what: 'two runs that say each word together' },
    {
      call: 'mia test --run runs/va-mia --captions 5 --groups 5',
      what: 'five captions of an image, and their diversity',
    },
  ],
  options: {
    run: repeated(text('folder', 'run folder; given again, the runs caption together', { required: true })),
    split: choice('name', 'split to caption', ['train', 'val', 'test'], { default: 'test' }),
    data: text('folder', 'dataset folder (default: the one the run was trained on)'),
    precision: PRECISION,
    device: DEVICE,
    ...SEARCH,
    ...SHARD,
  },
  ranks: true,
  async run({ run: runs, split, data, precision, device = CPU, shard, ...asked }, { signal, report, ranks }) {
    refuseShardOnRanks(shard, ranks)
    const [run = '', ...others] = runs
    const search = await searchOf(asked)
    const { testPart } = await import('../../evaluation/test-run.ts')
    const { engineOn } = await import('../../hosts/node/engine.ts')
    const { Team } = await import('../../distributed/team.ts')
    const tested = await testPart(
      {
        engine: engineOn(device),
        run,
        others,
        split,
        search,
        precision,
        signal,
        onProgress: report.progress('Captions', 'images'),
        ...(data !== undefined && { data }),
      },
      { team: new Team(ranks, signal), shard },
    )
    if (!tested) return partAnswer(shard)
    const { images, scores, missing, results } = tested
    if (missing.length > 0)
      report.warn(`skipped ${counted(missing.length, 'image')} of the split without features or concepts`)
    const rows = Object.entries(scores).map(([name, score]) => [name, score.toFixed(4)])
    return {
      json: { run, ...(others.length > 0 && { others }), split, precision, ...search, ...tested },
      text: [
        `${runs.join(' and ')} on ${counted(images, 'image')} of ${split}, beam ${search.beam}; captions: ${results}`,
        '',
        ...table([['score', 'value'], ...rows]),
      ],
      next: `mia caption ${runs.map((each) => `--run ${shellQuoted(each)}`).join(' ')} photo.jpg`,
    }
  },
})
