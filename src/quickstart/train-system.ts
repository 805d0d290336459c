import { join } from 'node:path'
import { Dataset } from '../data/dataset.ts'
import { readJson } from '../disk/files.ts'
import { readJournal } from '../disk/journal.ts'
import { runFiles } from '../disk/run.ts'
import type { Engine } from '../engine/engine.ts'
import { testRun } from '../evaluation/test-run.ts'
import { evaluate } from '../metrics/index.ts'
import { PUBLISHED_MODEL } from '../models/config.ts'
import type { Progress } from '../progress.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import { configureRun } from '../train/configure.ts'
import { PUBLISHED_ADAM, PUBLISHED_TRAINING } from '../train/hyperparameters.ts'
import { beginOrResume } from '../train/resume.ts'
import { PUBLISHED_SCHEDULE } from '../train/schedule.ts'
import { trainCaptioner } from '../train/trainer.ts'
import { scoreNaming } from './naming.ts'
import type { Scene } from './scene.ts'
import type { System } from './system.ts'

/** Concepts per picture: more than the words that a scene has. */
export const CONCEPTS = 12
/** How the quickstart searches for captions. */
export const SEARCH = { beam: DEFAULT_BEAM, maxLength: DEFAULT_MAX_LENGTH } as const

/**
 * Smaller than the published model, because the world has few words; the higher learning rate makes up for few epochs.
 */
const SMALL = { hiddenSize: 256, innerSize: 512, dropout: 0.1, learningRate: 2e-3 } as const

/** One of the two systems, and where to train it. */
export interface SystemOptions {
  readonly engine: Engine
  /** the dataset's folder */
  readonly data: string
  /** the run's folder */
  readonly run: string
  readonly mia: boolean
  readonly seed: number
  readonly epochs: number
  readonly onProgress: Progress
  readonly signal: AbortSignal
}

/** Trains a system; resumes if its run was stopped. */
export async function trainSystem({ engine, data, run, mia, seed, epochs, onProgress, signal }: SystemOptions) {
  const { hiddenSize, innerSize, dropout, learningRate } = SMALL
  const config = await configureRun({
    data,
    model: {
      ...PUBLISHED_MODEL,
      basicModel: 'VisualAttention',
      mia,
      hiddenSize,
      innerSize,
      dropout,
      concepts: CONCEPTS,
    },
    training: {
      ...PUBLISHED_TRAINING,
      ...PUBLISHED_SCHEDULE,
      seed,
      epochs,
      learningRate,
      labelSmoothing: 0,
      emaDecay: 0,
      augmentations: 0,
      adam: PUBLISHED_ADAM,
      ...SEARCH,
    },
  })
  const opened = await beginOrResume(run, config)
  await trainCaptioner({ engine, ...opened, onProgress, signal }).finally(() => opened.release())
}

/**
 * Captions the test pictures with a trained system and scores the captions, compared with those of `otherRun` if given.
 */
export async function testSystem(
  { engine, data, run, mia, signal }: Pick<SystemOptions, 'engine' | 'data' | 'run' | 'mia' | 'signal'>,
  scenes: ReadonlyMap<string, Scene>,
  otherRun: string | undefined,
): Promise<System> {
  const { results } = await testRun({ engine, run, split: 'val', search: SEARCH, signal })
  const dataset = await Dataset.open(data)
  const generated = (await readJson(results, 'results')) as { image_id: number; caption: string }[]
  const otherResults = otherRun && join(otherRun, 'results', `val-beam${SEARCH.beam}.json`)
  const evaluation = await evaluate({
    references: Object.fromEntries(dataset.split('val').map(({ id, captions }) => [id, captions])),
    results: generated,
    emptyAsZero: true,
    ...(otherResults && { compare: await readJson(otherResults, 'results') }),
  })
  const captions = new Map(generated.map(({ image_id, caption }) => [String(image_id), caption]))
  return {
    name: mia ? 'VisualAttention with MIA' : 'VisualAttention',
    run,
    epochs: (await readJournal(runFiles(run).log)).filter(({ kind }) => kind === 'epoch'),
    captions,
    evaluation,
    naming: scoreNaming(scenes, captions),
  }
}
