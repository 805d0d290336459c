import { exportCaptioner } from '../../caption/export.ts'
import { cardFile, readCard } from '../../disk/card-file.ts'
import { readTextIfPresent } from '../../disk/files.ts'
import { openRun } from '../../disk/run.ts'
import { BUILTIN } from '../../vision/networks/builtin.ts'
import { nodeEngine } from './engine.ts'
import { javascriptExample, pythonExample } from './export-examples.ts'
import { checkEmpty, type WrittenFile, writeExport } from './export-folder.ts'
import { exportReadme } from './export-readme.ts'
import { PRETRAINED } from './pretrained.ts'

/** Which captioner is exported, and to where. */
export interface ExportRunOptions {
  /** the run's folder, by default the pretrained captioner's */
  readonly run?: string
  /** the folder to write, new or empty */
  readonly out: string
  /** the network of its features, if its file has moved */
  readonly cnn?: string
}

/**
 * Exports a run as ONNX models with `vocabulary.json`, `config.json`, an example each in Python and JavaScript and a
 * README, which says the terms of the run's card. Returns the files, `config.json` last: a folder that has it is
 * complete. Killed, the same call writes it anew. Throws UserError if the folder has other files, and as openRun() and
 * exportCaptioner() do.
 */
export async function exportRun({ run = PRETRAINED, out, cnn }: ExportRunOptions): Promise<WrittenFile[]> {
  const recipe = { export: 'onnx', run, cnn }
  await checkEmpty(out, recipe)
  const captioner = await openRun(run)
  const terms = await termsOf(run)
  const { config, models, words } = await exportCaptioner(nodeEngine, captioner, {
    ...(cnn !== undefined && { cnn }),
    ...(terms !== undefined && { terms }),
  })
  const { features } = captioner.config
  const input = config.network ? 'picture' : 'features'
  const files = new Map<string, Uint8Array | string>([
    ...models,
    ['vocabulary.json', `${JSON.stringify(words)}\n`],
    ['example.py', pythonExample(input)],
    ['example.mjs', javascriptExample(input)],
    ['README.md', exportReadme(config, { builtin: 'network' in features && features.network.file === BUILTIN })],
    ['config.json', `${JSON.stringify(config, null, 2)}\n`],
  ])
  return writeExport(out, recipe, files)
}

/** The terms of use on a run's card; undefined if it has no card. */
export async function termsOf(run: string): Promise<string | undefined> {
  return (await readTextIfPresent(cardFile(run), 'card')) === undefined ? undefined : (await readCard(run)).terms
}
