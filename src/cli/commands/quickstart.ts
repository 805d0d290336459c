import { defineCommand } from '../command.ts'
import { count, text } from '../options.ts'

export const quickstart = defineCommand({
  name: 'quickstart',
  summary: 'the whole method on a small world, in minutes',
  description:
    'Draws a small world of scenes with captions, and does the whole work on it, nothing downloaded: features by the network that ' +
    'comes with npm, concepts, a captioner trained without and with MIA, both tested on scenes with combinations that training ' +
    'lacks, and a page with pictures, captions, what each word looked at, curves and scores. The same seed gives the same ' +
    'world and the same captions. Stopped, the same command goes on.',
  examples: [{ call: 'mia quickstart', what: 'all of it in quickstart/, the page in quickstart/index.html' }],
  options: {
    out: text('folder', 'where all of it is written', { default: 'quickstart' }),
    seed: count('number', 'of the world and of the training', { default: 1 }),
  },
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
    const score = ({ evaluation }: (typeof systems)[number]): number =>
      evaluation.scores.find(({ name }) => name === 'CIDEr')!.score
    return {
      json: {
        page,
        seconds,
        systems: systems.map(({ name, run, evaluation, right }) => ({ name, run, scores: evaluation.scores, right })),
      },
      text: [
        ...systems.map(
          (system) =>
            `${system.name}: CIDEr ${score(system).toFixed(3)}; names ${(100 * system.right.things).toFixed(0)}% of the things, ${(100 * system.right.coloured).toFixed(0)}% in their colour`,
        ),
        `The page: ${page}`,
      ].join('\n'),
      next: `mia caption --run ${systems[1]!.run} photo.jpg --explain why.html`,
    }
  },
})
