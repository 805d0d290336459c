import { basename, resolve } from 'node:path'
import { Explainer } from '../caption/explainer.ts'
import type { RunConfig } from '../caption/run-config.ts'
import { writeFileAtomic } from '../disk/files.ts'
import type { JournalEntry } from '../disk/journal.ts'
import { openRun, readRunConfig, runFiles } from '../disk/run.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { runPage, type Sample } from '../pages/run-page.ts'
import { gridBoxes } from '../vision/grid.ts'
import { type EpochRecord, historyOf } from './history.ts'
import { resultsCsv } from './results-csv.ts'
import { readSampleInputs, type SampleInputs } from './sample-inputs.ts'
import { type LoggedSample, readSamples } from './samples.ts'
import { settingsOf } from './settings.ts'

/** Images on the page. */
const SHOWN = 6
/** Concepts listed of an image. */
const SHOWN_CONCEPTS = 8

/** Which run is reported on. */
export interface RunReportOptions {
  readonly engine: Engine
  /** the run's folder */
  readonly folder: string
  /** the dataset's folder, if it is not where the run was trained */
  readonly data?: string | undefined
}

/** The page and the table of a run: `report.html` and `results.csv`, made anew from the run's other files each time. */
export class RunReport {
  readonly #engine: Engine
  readonly #folder: string
  readonly #data: string | undefined
  /** the images do not change, and reading the concepts of a large dataset takes seconds */
  #inputs: Promise<SampleInputs> | undefined
  /** the samples of the page, and the epoch of the weights that explain them */
  #explained: { readonly epoch: number; readonly samples: readonly Explained[] } | undefined

  constructor({ engine, folder, data }: RunReportOptions) {
    this.#engine = engine
    this.#folder = folder
    this.#data = data
  }

  /**
   * Writes both files for a log with at least one epoch. Images that cannot be read, and a dataset that is no longer
   * there, leave a page without them. Throws UserError if the run is damaged, or a file cannot be written.
   */
  async write(entries: readonly JournalEntry[]): Promise<void> {
    const files = runFiles(this.#folder)
    const { epochs, steps } = historyOf(entries)
    await writeFileAtomic(files.resultsCsv, resultsCsv(epochs))
    const config = await readRunConfig(this.#folder)
    const { samples, note } = await this.#samples(config, epochs)
    const page = runPage({
      name: basename(resolve(this.#folder)),
      model: config.model,
      data: config.data.name,
      planned: config.training.epochs,
      epochs,
      steps,
      samples,
      ...(note !== undefined && { note }),
      settings: settingsOf(config),
    })
    await writeFileAtomic(files.report, page)
  }

  async #samples(
    config: RunConfig,
    epochs: readonly EpochRecord[],
  ): Promise<{ samples: readonly Sample[]; note?: string }> {
    const best = epochs.findLast((epoch) => epoch.best)?.epoch
    const logged = await readSamples(
      runFiles(this.#folder).samples,
      epochs.map(({ epoch }) => epoch),
    )
    const chosen = best === undefined ? undefined : logged.get(best)
    if (best === undefined || !chosen || chosen.length === 0) return { samples: [] }
    try {
      if (this.#explained?.epoch !== best)
        this.#explained = { epoch: best, samples: await this.#explain(config, chosen.slice(0, SHOWN)) }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      return { samples: [], note: `No pictures and no attention: ${error.message}.` }
    }
    return {
      samples: this.#explained.samples.map(({ id, ...sample }) => ({
        ...sample,
        captions: [...logged].flatMap(([epoch, all]) => {
          const found = all.find((each) => each.id === id)
          return found ? [{ epoch, caption: found.caption, cider: found.cider }] : []
        }),
      })),
    }
  }

  /** Runs the captions of the best weights through the model again, which gives the attention of each word. */
  async #explain(config: RunConfig, captions: readonly LoggedSample[]): Promise<Explained[]> {
    const { model, weights, vocabulary } = await openRun(this.#folder)
    this.#inputs ??= readSampleInputs(
      this.#engine.pictures,
      this.#data ?? config.data.folder,
      captions.map(({ id }) => id),
      { features: config.features, model: config.model, vocabulary },
    )
    const inputs = await this.#inputs
    const boxes = gridBoxes(config.features) ?? new Float32Array()
    const shown = inputs.images.map((image) => captions.find(({ id }) => id === image.id)!)
    const words = shown.map(({ caption }) => caption.split(' ').filter((word) => word !== ''))
    const explainer = await Explainer.load(this.#engine.runtime, model, weights, config.training.maxLength)
    try {
      const ids = words.map((each) => each.map((word) => vocabulary.id(word)))
      const explanations = await explainer.explain(inputs.features, inputs.concepts, ids)
      return inputs.images.map(({ id, path, picture, concepts }, i) => ({
        id,
        picture,
        references: shown[i]!.references,
        explained: {
          image: path,
          caption: shown[i]!.caption,
          words: words[i]!.map((word, t) => {
            const probability = shown[i]!.probabilities?.[t]
            return { word, ...(probability !== undefined && { probability }) }
          }),
          concepts: concepts.slice(0, SHOWN_CONCEPTS),
          allConcepts: concepts,
          explanation: explanations[i]!,
          boxes,
        },
      }))
    } finally {
      explainer.release()
    }
  }
}

type Explained = Omit<Sample, 'captions'> & { readonly id: string }
