import { existsSync } from 'node:fs'
import type { RunConfig } from '../caption/run-config.ts'
import { runFiles, writeRunConfig } from '../disk/run.ts'
import { beginRun, type RunFolder, resumeRun } from '../disk/run-folder.ts'
import { UserError } from '../errors.ts'
import { identity } from '../vision/index.ts'

/** Begins a run, or resumes the one in the folder. Throws UserError as resumeWith() does. */
export async function beginOrResume(folder: string, config: RunConfig): Promise<RunFolder> {
  return existsSync(runFiles(folder).config)
    ? resumeWith(folder, config.training.epochs, config)
    : beginRun(folder, config)
}

/**
 * Opens the folder of a run to resume it until `epochs` are done in all, by default as many as its configuration says.
 * Throws UserError if there is no run, if another process uses it, and, naming the field, if its configuration differs
 * from `expected` in more than the number of epochs.
 */
export async function resumeWith(folder: string, epochs?: number, expected?: RunConfig): Promise<RunFolder> {
  const run = await resumeRun(folder)
  try {
    const differing = expected && firstDifference(comparable(run.config), comparable(expected))
    if (differing)
      throw new UserError(
        `Cannot resume the run "${folder}": its ${differing}; give the options it began with, or another folder`,
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

/** The parts of a configuration that must not change when a run resumes. */
function comparable({ model, training, data, features }: RunConfig): object {
  const { epochs: _, ...rest } = training
  return { model, training: rest, data, features: identity(features) }
}

/** The first difference, as in `model.mia is true, not false`; undefined if the values are equal. */
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
