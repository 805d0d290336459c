import { existsSync } from 'node:fs'
import type { RunConfig } from '../caption/run-config.ts'
import { runFiles, writeRunConfig } from '../disk/run.ts'
import { beginRun, type RunFolder, resumeRun } from '../disk/run-folder.ts'
import { UserError } from '../errors.ts'
import { identity } from '../vision/index.ts'

/** Begins a run, or goes on with the one in the folder if it is the same: see resumeWith(). */
export async function beginOrResume(folder: string, config: RunConfig): Promise<RunFolder> {
  return existsSync(runFiles(folder).config)
    ? resumeWith(folder, config.training.epochs, config)
    : beginRun(folder, config)
}

/**
 * Opens the folder of a run to go on with it until `epochs` are done in all, by default as many as it began with. Throws
 * UserError if there is no run, if another process uses it, and, naming the difference, if it was begun with another
 * configuration than `expected`.
 */
export async function resumeWith(folder: string, epochs?: number, expected?: RunConfig): Promise<RunFolder> {
  const run = await resumeRun(folder)
  try {
    const differing = expected && firstDifference(comparable(run.config), comparable(expected))
    if (differing)
      throw new UserError(
        `Cannot go on with the run "${folder}": its ${differing}; give the options it began with, or another folder`,
      )
    if (epochs === undefined || epochs === run.config.training.epochs) return run
    const config = { ...run.config, training: { ...run.config.training, epochs } }
    await writeRunConfig(folder, config)
    return { ...run, config }
  } catch (error) {
    await run.release()
    throw error
  }
}

/** A configuration without what may change between two starts of a run. */
function comparable({ model, training, data, features }: RunConfig): object {
  const { epochs: _, ...rest } = training
  return { model, training: rest, data, features: identity(features) }
}

/** As in `model.mia is true, not false`; undefined where two values are equal. */
function firstDifference(a: unknown, b: unknown, path = ''): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? undefined : `${path} is ${JSON.stringify(a)}, not ${JSON.stringify(b)}`
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const key of keys) {
    const [x, y] = [a, b].map((value) => (value as Record<string, unknown>)[key])
    const found = firstDifference(x, y, path === '' ? key : `${path}.${key}`)
    if (found) return found
  }
  return undefined
}
