import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { cardFile, readCard } from './card-file.ts'
import { describeErrno, errorCode } from './errno.ts'
import { readEpochs } from './journal.ts'
import { readRunConfig, runFiles } from './run.ts'

/** A run as `mia models` lists it. */
export interface ListedRun {
  readonly run: string
  readonly basicModel: string
  readonly mia: boolean
  /** whether each stream attends to itself: the control experiment of MIA */
  readonly control: boolean
  /** the dataset's name */
  readonly data: string
  /** number of epochs done */
  readonly epochs: number
  /** the CIDEr on the validation images and the epoch of the weights; missing before the first epoch is done */
  readonly cider?: number
  readonly epoch?: number
}

/**
 * Returns the runs in a folder, by name; skips whatever is not a run. A damaged run is skipped, too, and `onDamaged` is
 * called with its folder and the error, which names the file. Throws UserError if the folder cannot be read.
 */
export async function listRuns(
  folder: string,
  { onDamaged }: { readonly onDamaged?: (run: string, error: UserError) => void } = {},
): Promise<ListedRun[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    const why = errorCode(error) === 'ENOENT' ? 'there is no such folder' : (describeErrno(error) ?? error)
    throw new UserError(
      `Cannot list the runs in "${folder}": ${why}; train one with "mia train", or name another folder with --runs`,
    )
  })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const runs: ListedRun[] = []
  for (const name of names.sort()) {
    const run = join(folder, name)
    try {
      const listed = await readListed(run)
      if (listed) runs.push(listed)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      onDamaged?.(run, error)
    }
  }
  return runs
}

/**
 * Returns a run, or undefined if the folder has no `config.json`. A packed run has no log: its card says the same.
 * Throws UserError if a file of the run is damaged.
 */
export async function readListed(run: string): Promise<ListedRun | undefined> {
  if (!existsSync(runFiles(run).config)) return undefined
  const { model, data } = await readRunConfig(run)
  const { basicModel, mia, miaAttention } = model
  return {
    run,
    basicModel,
    mia,
    control: mia && miaAttention === 'self',
    data: data.name,
    ...(existsSync(cardFile(run)) ? await progressOfCard(run) : await progressOfLog(runFiles(run).log)),
  }
}

type Progress = Pick<ListedRun, 'epochs' | 'cider' | 'epoch'>

async function progressOfCard(run: string): Promise<Progress> {
  const { trained, scores } = await readCard(run)
  const cider = scores.find(({ name }) => name === 'CIDEr')?.score
  return { epochs: trained.epochs, ...(cider !== undefined && { cider, epoch: trained.bestEpoch }) }
}

async function progressOfLog(path: string): Promise<Progress> {
  const epochs = await readEpochs(path)
  const [first, ...others] = epochs
  if (!first) return { epochs: 0 }
  const highest = others.reduce((a, b) => (b.scores.CIDEr > a.scores.CIDEr ? b : a), first)
  const best = epochs.findLast((epoch) => epoch.best) ?? highest
  return { epochs: epochs.length, cider: best.scores.CIDEr, epoch: best.epoch }
}
