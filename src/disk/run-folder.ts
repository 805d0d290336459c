import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { UserError } from '../errors.ts'
import { conceptsFolder } from './dataset-files.ts'
import { Lock } from './lock.ts'
import { readRunConfig, runFiles, writeRunConfig } from './run.ts'

/** A run's folder while this process trains in it; no other process can until it is released. */
export interface RunFolder {
  readonly folder: string
  readonly config: RunConfig
  release(): Promise<void>
}

/**
 * Makes the folder of a new run, with all that it keeps of its dataset. `config.json` comes last: a folder that has one
 * is whole. Throws UserError if the folder has a run already or another process uses it.
 */
export async function beginRun(folder: string, config: RunConfig): Promise<RunFolder> {
  await mkdir(folder, { recursive: true })
  return locked(folder, async () => {
    if (existsSync(runFiles(folder).config))
      throw new UserError(
        `Cannot begin a run in "${folder}": it holds one already; go on with it by --resume, or choose another folder`,
      )
    await copyIntoRun(folder, config)
    await writeRunConfig(folder, config)
    return config
  })
}

/** Opens the folder of a run to go on with it. Throws UserError if there is none or another process uses it. */
export async function resumeRun(folder: string): Promise<RunFolder> {
  if (!existsSync(runFiles(folder).config))
    throw new UserError(`Cannot go on with the run "${folder}": there is none; begin it without --resume`)
  return locked(folder, () => readRunConfig(folder))
}

/** Locks the folder, and keeps it locked if `open` succeeds. */
async function locked(folder: string, open: () => Promise<RunConfig>): Promise<RunFolder> {
  const lock = await Lock.take(runFiles(folder).lock, `run folder "${folder}"`)
  try {
    return { folder, config: await open(), release: () => lock.release() }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** What a run keeps of its dataset, so that it can be used without it: the vocabulary, and the concept detector if the model uses one. */
async function copyIntoRun(folder: string, { data, model }: RunConfig): Promise<void> {
  const files = runFiles(folder)
  await copy(join(data.folder, 'vocabulary.json'), files.vocabulary, 'prepare')
  if (!usesConcepts(model)) return
  await mkdir(files.concepts, { recursive: true })
  for (const name of ['detector.json', 'detector.safetensors'])
    await copy(join(conceptsFolder(data.folder), name), join(files.concepts, name), 'concepts train')
}

async function copy(from: string, to: string, command: string): Promise<void> {
  if (!existsSync(from)) throw new UserError(`Cannot begin a run: there is no "${from}"; make it with "mia ${command}"`)
  await copyFile(from, to)
}
