import { defineCommand } from '../command.ts'
import { text } from '../options.ts'

export const card = defineCommand({
  name: 'card',
  summary: 'pack a trained run for others, with a model card',
  description:
    'Writes what captioning needs of a run into a folder of its own, its weights in float16, captions the validation pictures with those very weights, and writes ' +
    'README.md and card.json beside them: data and terms, recipe, seed, commit, scores with signatures, what it is bad at, the checksum of each file. ' +
    'The folder is used as a run is: mia caption --run <folder>.',
  examples: [
    {
      call: 'mia card --run runs/va-mia --out pretrained --terms "Flickr8k: for research, not for commerce."',
      what: 'how the captioner of this package was packed',
    },
  ],
  options: {
    run: text('folder', "the run's folder", { required: true }),
    out: text('folder', 'where the packed captioner goes', { required: true }),
    terms: text('sentence', 'the terms of the data it was trained on', { required: true }),
    limits: text('file', 'Markdown: what you know of its weaknesses beside what is measured'),
    data: text('folder', 'dataset folder, by default the one it was trained on'),
  },
  async run({ run, out, terms, limits, data }, { signal, report }) {
    const { join } = await import('node:path')
    const { readText, writeFileAtomic } = await import('../../disk/files.ts')
    const { packWithCard } = await import('../../evaluation/card.ts')
    const { cardFile, formatCard } = await import('../../disk/card-file.ts')
    const { readRunConfig } = await import('../../disk/run.ts')
    const { cardPage } = await import('../card-page.ts')
    const { packageVersion } = await import('../version.ts')
    const notes = limits === undefined ? undefined : await readText(limits, 'limits')
    const commit = await currentCommit()
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const made = await packWithCard({
      engine: nodeEngine,
      run,
      out,
      terms,
      version: packageVersion(),
      signal,
      onProgress: report.progress('Captions', 'pictures'),
      ...(data !== undefined && { data }),
      ...(commit !== undefined && { commit }),
    })
    const config = await readRunConfig(out)
    await writeFileAtomic(
      join(out, 'README.md'),
      cardPage({ card: made, config, ...(notes !== undefined && { limits: notes }) }),
    )
    await writeFileAtomic(cardFile(out), formatCard(made))
    const bytes = made.files.reduce((sum, file) => sum + file.bytes, 0)
    const cider = made.scores.find(({ name }) => name === 'CIDEr')!.score
    return {
      json: { out, ...made },
      text: `${out}: ${(bytes / 1e6).toFixed(1)} MB, CIDEr ${cider.toFixed(4)} on the validation pictures; the card is ${join(out, 'README.md')}`,
      next: `mia caption --run ${out} photo.jpg`,
    }
  },
})

/** The commit of the repository that the command runs in; undefined outside of one. */
async function currentCommit(): Promise<string | undefined> {
  const { execFile } = await import('node:child_process')
  return new Promise((resolve) =>
    execFile('git', ['rev-parse', 'HEAD'], (error, stdout) => resolve(error ? undefined : stdout.trim())),
  )
}
