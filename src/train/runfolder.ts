import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import { Lock } from './lock.ts'
import { type RunConfig, readRunConfig, runFiles, writeRunConfig } from './run.ts'
import { copyIntoRun } from './trainer.ts'

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
