import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { UserError } from '../errors.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { detectorFiles, isFromDetector, readDetector, writeDetector } from './concept-files.ts'
import { conceptsFile, conceptsFolder } from './dataset-files.ts'
import { readBytes, readJson, writeFileAtomic } from './files.ts'
import { Lock } from './lock.ts'
import { readRunConfig, runFiles, writeRunConfig } from './run.ts'

/** A run's folder while this process trains in it. It is locked: no other process can use it until it is released. */
export interface RunFolder {
  readonly folder: string
  readonly config: RunConfig
  /** Unlocks the folder. */
  release(): Promise<void>
}

/**
 * Makes the folder of a new run, with the files of its dataset that it needs. `config.json` is written last: a folder
 * that has one is complete. Throws UserError if the folder already holds a run or another process uses it.
 */
export async function beginRun(folder: string, config: RunConfig): Promise<RunFolder> {
  return locked(folder, async () => {
    if (existsSync(runFiles(folder).config))
      throw new UserError(
        `Cannot begin a run in "${folder}": it already holds one; resume it with --resume, or choose another folder`,
      )
    await copyIntoRun(folder, config)
    await writeRunConfig(folder, config)
    return config
  })
}

/** Opens the folder of a run to resume it. Throws UserError if it holds no run or another process uses it. */
export async function resumeRun(folder: string): Promise<RunFolder> {
  if (!existsSync(runFiles(folder).config))
    throw new UserError(`Cannot resume the run "${folder}": there is none; begin it without --resume`)
  return locked(folder, () => readRunConfig(folder))
}

/**
 * Throws UserError if `vocabulary`, that of the dataset in folder `data`, differs from the one that the run in `folder`
 * began with: the ids of its captions would mean other words.
 */
export async function checkSameVocabulary(folder: string, data: string, vocabulary: Vocabulary): Promise<void> {
  const difference = await vocabularyDifference(folder, vocabulary)
  if (difference !== undefined)
    throw new UserError(
      `Cannot resume the run "${folder}": the vocabulary of dataset "${data}" has changed since the run began ` +
        `(${difference}); prepare the dataset as it was, or start a new run`,
    )
}

/** How a vocabulary differs from that of the run in `folder`, in words; undefined if it does not. */
export async function vocabularyDifference(folder: string, vocabulary: Vocabulary): Promise<string | undefined> {
  const path = runFiles(folder).vocabulary
  const own = Vocabulary.fromJSON(await readJson(path, 'vocabulary'), path)
  if (own.size !== vocabulary.size) return `it has ${vocabulary.size} words, the run's has ${own.size}`
  const id = own.words.findIndex((word, i) => word !== vocabulary.words[i])
  return id < 0 ? undefined : `word ${id} is "${vocabulary.words[id]}", in the run "${own.words[id]}"`
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

/** Copies the vocabulary, and the concept detector if the model uses one: a run can be used without its dataset. */
async function copyIntoRun(folder: string, { data, model }: RunConfig): Promise<void> {
  const files = runFiles(folder)
  const vocabulary = join(data.folder, 'vocabulary.json')
  requireFile(vocabulary, 'prepare')
  await writeFileAtomic(files.vocabulary, await readBytes(vocabulary, 'vocabulary'))
  if (!usesConcepts(model)) return
  requireFile(detectorFiles(conceptsFolder(data.folder)).weights, 'concepts train')
  const detector = await readDetector(conceptsFolder(data.folder))
  const path = conceptsFile(data.folder)
  if (existsSync(path) && !(await isFromDetector(path, detector)))
    throw new UserError(
      `Cannot begin a run: the concepts "${path}" come from an earlier detector of the dataset; ` +
        `run "mia concepts detect --data ${data.folder}" again`,
    )
  await writeDetector(files.concepts, detector)
}

function requireFile(path: string, command: string): void {
  if (!existsSync(path)) throw new UserError(`Cannot begin a run: there is no "${path}"; make it with "mia ${command}"`)
}
