import { defineCommand } from '../command.ts'
import { text } from '../options.ts'
import { shellQuoted } from '../output.ts'
import { PRECISION } from '../shared-options.ts'

/** `mia card`: packages a run with a model card. */
export const card = defineCommand({
  name: 'card',
  summary: 'package a trained captioner with a model card, to share it',
  description:
    'Copies what captioning needs from a run into a new folder, with float16 weights, captions the validation images ' +
    'with these weights, and writes a model card (README.md and card.json): data and terms, hyperparameters, seed, ' +
    'commit, scores with signatures, limitations, checksums. Calibrates the confidence of captions on these images. Use the folder like a run: mia caption --run <folder>.',
  examples: [
    {
      call: 'mia card --run runs/va-mia --out pretrained --terms "Flickr8k: research only, no commercial use."',
      what: 'as the pretrained captioner was packaged',
    },
  ],
  options: {
    run: text('folder', 'run folder', { required: true }),
    out: text('folder', 'folder to write', { required: true }),
    terms: text('sentence', 'terms of use of the training data', { required: true }),
    limits: text('file', 'Markdown file with known limitations, added to the measured ones'),
    data: text('folder', 'dataset folder (default: the one the run was trained on)'),
    precision: PRECISION,
  },
  async run({ run, out, terms, limits, data, precision }, { signal, report }) {
    const { join } = await import('node:path')
    const { readText, writeFileAtomic } = await import('../../disk/files.ts')
    const { packWithCard } = await import('../../evaluation/card.ts')
    const { cardFile, formatCard } = await import('../../disk/card-file.ts')
    const { openRun, readRunConfig } = await import('../../disk/run.ts')
    const { withLock } = await import('../../disk/lock.ts')
    const { cardPage } = await import('../card-page.ts')
    const { reliabilityDiagram } = await import('../../pages/reliability-diagram.ts')
    const { packageCommit, packageVersion } = await import('../version.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const notes = limits === undefined ? undefined : await readText(limits, 'limits')
    const commit = await packageCommit()
    const page = join(out, 'README.md')
    await openRun(run) // refused before the folder is made
    const made = await withLock(out, 'card', async () => {
      const packed = await packWithCard({
        engine: nodeEngine,
        run,
        out,
        terms,
        precision,
        version: packageVersion(),
        signal,
        onProgress: report.progress('Captions', 'images'),
        ...(data !== undefined && { data }),
        ...(commit !== undefined && { commit }),
      })
      const config = await readRunConfig(out)
      await writeFileAtomic(page, cardPage({ card: packed, config, ...(notes !== undefined && { limits: notes }) }))
      await writeFileAtomic(cardFile(out), formatCard(packed))
      if (packed.confidence)
        await writeFileAtomic(join(out, 'reliability.svg'), reliabilityDiagram(packed.confidence.bins))
      return packed
    })
    const megabytes = made.files.reduce((sum, file) => sum + file.bytes, 0) / 1e6
    const cider = made.scores.find(({ name }) => name === 'CIDEr')!.score
    return {
      json: { out, ...made },
      text: `${out}: ${megabytes.toFixed(1)} MB, CIDEr ${cider.toFixed(4)} on the validation images; model card: ${page}`,
      next: `mia caption --run ${shellQuoted(out)} photo.jpg`,
    }
  },
})
