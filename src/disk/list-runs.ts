import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { cardFile, readCard } from './card-file.ts'
import { readJournal } from './journal.ts'
import { readRunConfig, runFiles } from './run.ts'

/** What one would know of a run before one uses it. */
export interface ListedRun {
  readonly run: string
  readonly basicModel: string
  readonly mia: boolean
  /** is it the control, in which each stream attends to itself? */
  readonly control: boolean
  /** the dataset's name */
  readonly data: string
  /** epochs done */
  readonly epochs: number
  /** the best CIDEr on the validation images, and its epoch; none before the first epoch is done */
  readonly cider?: number
  readonly epoch?: number
}

/** The runs in a folder, by name; folders that are none are passed over. Throws UserError where there is no such folder. */
export async function listRuns(folder: string): Promise<ListedRun[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new UserError(
      `Cannot list the runs in "${folder}": there is no such folder; train one with "mia train", or say --runs <folder>`,
    )
  })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const runs = await Promise.all(names.sort().map((name) => readListed(join(folder, name))))
  return runs.filter((run) => run !== undefined)
}

/** One run; undefined where the folder is none. A packed one has no log: its card says the same. */
export async function readListed(run: string): Promise<ListedRun | undefined> {
  try {
    const { model, data } = await readRunConfig(run)
    const what = {
      run,
      basicModel: model.basicModel,
      mia: model.mia,
      control: model.mia && model.miaAttention === 'self',
      data: data.name,
    }
    if (existsSync(cardFile(run))) {
      const { trained, scores } = await readCard(run)
      const cider = scores.find(({ name }) => name === 'CIDEr')?.score
      return { ...what, epochs: trained.epochs, ...(cider !== undefined && { cider, epoch: trained.bestEpoch }) }
    }
    const epochs = (await readJournal(runFiles(run).log)).filter(({ kind }) => kind === 'epoch')
    const ciderOf = (entry: (typeof epochs)[number]): number => (entry.scores as { CIDEr: number }).CIDEr
    const best = epochs.reduce<(typeof epochs)[number] | undefined>(
      (a, b) => (a && ciderOf(a) >= ciderOf(b) ? a : b),
      undefined,
    )
    return {
      ...what,
      epochs: epochs.length,
      ...(best && { cider: ciderOf(best), epoch: Number(best.epoch) }),
    }
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
