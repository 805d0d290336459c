import { counted, scoreText } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, many, positive, seed, text } from '../options.ts'
import { table } from '../output.ts'
import { SEARCH, searchOf } from '../search-options.ts'

/** `mia compare`: runs side by side. */
export const compare = defineCommand({
  name: 'compare',
  summary: 'put runs side by side, with paired tests',
  description:
    'Captions a split with the best weights of each run, scores the captions on the images that all runs can caption, ' +
    'and compares the scores of each other run with those of the first by the paired bootstrap test: p is the ' +
    'probability of a difference at least as large between equally good systems. Also lists the hyperparameters that ' +
    'differ.',
  examples: [
    { call: 'mia compare runs/va runs/va-mia', what: 'does MIA improve the captions of the validation images?' },
    { call: 'mia compare runs/va runs/va-mia --html compare.html', what: 'a page with curves and captions as well' },
    {
      call: 'mia compare runs/va-mia runs/va-mia,runs/updown-mia',
      what: 'are two runs that say each word together better than one?',
    },
  ],
  arguments: {
    runs: many(
      'run folders, two or more; the others are compared with the first; runs with commas between them caption together',
    ),
  },
  options: {
    split: choice('name', 'split to caption', ['train', 'val', 'test'], { default: 'val' }),
    data: text('folder', 'dataset folder (default: for each run the one it was trained on)'),
    html: text('file', 'HTML page with curves, and the captions that differ most, one file'),
    samples: positive('n', 'bootstrap samples', { default: 1000 }),
    ...SEARCH,
    seed: seed('n', 'random seed of the bootstrap, and of --sample', { default: 1 }),
  },
  async run({ runs, split, data, html, samples, seed, ...asked }, { signal, report }) {
    const search = await searchOf({ ...asked, seed })
    const { checkWritable, writeFileAtomic } = await import('../../disk/files.ts')
    if (html !== undefined) await checkWritable(html)
    const { compareRuns } = await import('../../report/compare.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const compared = await compareRuns({
      engine: nodeEngine,
      runs,
      split,
      search,
      bootstrap: { samples, seed },
      ...(data !== undefined && { data }),
      onProgress: report.progress('Captions', 'images'),
      signal,
    })
    report.finish()
    if (html !== undefined) {
      const { comparePage } = await import('../../pages/compare-page.ts')
      await writeFileAtomic(html, await comparePage(nodeEngine.pictures, compared))
    }
    const [first, ...others] = compared.runs
    const signed = (value: number): string => `${value >= 0 ? '+' : ''}${scoreText(value)}`
    const rows = first!.scores.map((score, i) => [
      score.name,
      scoreText(score.score),
      ...others.flatMap(({ scores }) => {
        const { score: value, comparison } = scores[i]!
        return [scoreText(value), signed(comparison!.difference), comparison!.p.toFixed(3)]
      }),
    ])
    const names = compared.runs.map(({ name }) => name)
    return {
      json: {
        split,
        ...search,
        images: compared.images.length,
        runs: compared.runs.map(({ run, scores }) => ({ run, scores })),
        differences: compared.differences,
        ...(html !== undefined && { page: html }),
      },
      text: [
        `${counted(compared.images.length, 'image')} of ${split}, beam ${search.beam}; differences from ${names[0]}`,
        '',
        ...table([['score', names[0]!, ...names.slice(1).flatMap((name) => [name, 'difference', 'p'])], ...rows]),
        '',
        ...table([['hyperparameter', ...names], ...compared.differences.map(({ name, values }) => [name, ...values])]),
        ...(html === undefined ? [] : ['', `Page: ${html}`]),
      ],
    }
  },
})
