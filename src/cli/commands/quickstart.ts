import { defineCommand } from '../command.ts'
import { seed, text } from '../options.ts'
import { shellQuoted } from '../output.ts'

/** `mia quickstart`: runs the whole pipeline on a drawn dataset. */
export const quickstart = defineCommand({
  name: 'quickstart',
  summary: 'run the whole pipeline on a small drawn dataset, in minutes',
  description:
    'Draws a small dataset of scenes with captions and runs the whole pipeline on it, without downloads: extracts ' +
    'features with the pretrained CNN, trains the concept detector, trains a captioner without MIA and one with it, ' +
    'tests both on combinations of objects and colours that are not in the training set, and writes a page with images, ' +
    'captions, attention maps, training curves and scores.',
  examples: [{ call: 'mia quickstart', what: 'writes everything to quickstart/; the page is quickstart/index.html' }],
  options: {
    out: text('folder', 'folder to write', { default: 'quickstart' }),
    seed: seed('n', 'random seed of the dataset and of training', { default: 1 }),
  },
  resumes: true,
  async run({ out, seed }, { signal, report }) {
    const started = performance.now()
    const [{ QUICK, quickstart: run }, { openNetwork }, { nodeEngine: engine }] = await Promise.all([
      import('../../quickstart/quickstart.ts'),
      import('../../vision/index.ts'),
      import('../../hosts/node/engine.ts'),
    ])
    const network = await openNetwork(engine, 'builtin')
    const say = (line: string): void => {
      report.finish()
      report.note(line)
    }
    const progress = (label: string, unit: string) => report.progress(label, unit)
    const { page, systems } = await run({ engine, out, seed, sizes: QUICK, network, say, progress, signal }).finally(
      () => network.release(),
    )
    const seconds = (performance.now() - started) / 1000
    const percent = (fraction: number): string => `${(100 * fraction).toFixed(0)}%`
    return {
      json: {
        page,
        seconds,
        systems: systems.map(({ name, run, evaluation, naming }) => ({ name, run, scores: evaluation.scores, naming })),
      },
      text: [
        ...systems.map(({ name, evaluation, naming }) => {
          const cider = evaluation.scores.find((score) => score.name === 'CIDEr')!.score
          const recall = `names ${percent(naming.recall)} of the objects, ${percent(naming.colourRecall)} with their colour`
          return `${name}: CIDEr ${cider.toFixed(3)}; ${recall}`
        }),
        `Page: ${page}`,
      ],
      next: `mia caption --run ${shellQuoted(systems[1]!.run)} photo.jpg --explain why.html`,
    }
  },
})
