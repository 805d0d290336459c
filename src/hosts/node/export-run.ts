import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exportCaptioner } from '../../caption/export.ts'
import { cardFile, readCard } from '../../disk/card-file.ts'
import { errorCode, throwFileError } from '../../disk/errno.ts'
import { readTextIfPresent, writeFileAtomic } from '../../disk/files.ts'
import { openRun } from '../../disk/run.ts'
import { UserError } from '../../errors.ts'
import { BUILTIN } from '../../vision/networks/builtin.ts'
import { nodeEngine } from './engine.ts'
import { javascriptExample, pythonExample } from './export-examples.ts'
import { exportReadme } from './export-readme.ts'
import { PRETRAINED } from './pretrained.ts'

/** A file of an export, and its size. */
export interface WrittenFile {
  readonly path: string
  readonly bytes: number
}

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
 * complete. Throws UserError if the folder is not empty, and as openRun() and exportCaptioner() do.
 */
export async function exportRun({ run = PRETRAINED, out, cnn }: ExportRunOptions): Promise<WrittenFile[]> {
  await checkEmpty(out)
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
  for (const [name, content] of files) await writeFileAtomic(join(out, name), content)
  return [...files].map(([path, content]) => ({ path, bytes: Buffer.byteLength(content) }))
}

/** Throws UserError for a folder with files: an export would replace the configuration and vocabulary of a run. */
export async function checkEmpty(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error) =>
    errorCode(error) === 'ENOENT' ? [] : throwFileError('export to', folder, error),
  )
  if (found.length > 0) throw new UserError(`Cannot export to "${folder}": it is not empty; give a new folder`)
}

/** The terms of use on a run's card; undefined if it has no card. */
export async function termsOf(run: string): Promise<string | undefined> {
  return (await readTextIfPresent(cardFile(run), 'card')) === undefined ? undefined : (await readCard(run)).terms
}
