import { resolve } from 'node:path'
import type { RunConfig } from '../caption/run-config.ts'
import type { SearchChoices } from '../caption/search-settings.ts'
import { Dataset, type ImageEntry, type Split } from '../data/dataset.ts'
import { readJournal } from '../disk/journal.ts'
import { readRunConfig, runFiles } from '../disk/run.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { type CaptionedSplit, captionSplit } from '../evaluation/test-run.ts'
import { type BootstrapOptions, type CorpusScore, evaluate } from '../metrics/index.ts'
import type { Watch } from '../progress.ts'
import { firstFew } from '../wording.ts'
import { type EpochRecord, historyOf } from './history.ts'
import { settingsOf } from './settings.ts'

/** Which runs are compared, on which images, and how captions are searched for. */
export interface CompareOptions extends Watch {
  readonly engine: Engine
  /** the folders of two or more runs; the others are compared with the first */
  readonly runs: readonly string[]
  readonly split: Split
  readonly search?: SearchChoices
  readonly bootstrap: BootstrapOptions
  /** the dataset's folder, by default for each run the one that it was trained on */
  readonly data?: string
}

/** A run beside others. */
export interface ComparedRun {
  readonly run: string
  /** the shortest end of its path that no other run has */
  readonly name: string
  readonly config: RunConfig
  /** the epochs in its log; none for a packed run */
  readonly epochs: readonly EpochRecord[]
  /** its scores with confidence intervals and, but for the first run, the paired test against the first */
  readonly scores: readonly CorpusScore[]
  /** its captions, in the order of the images */
  readonly captions: readonly { readonly caption: string; readonly cider: number }[]
}

/** Runs side by side. */
export interface ComparedRuns {
  /** the images that all runs captioned, with their references */
  readonly images: readonly (Pick<ImageEntry, 'id' | 'captions'> & { readonly path: string })[]
  readonly runs: readonly ComparedRun[]
  /** hyperparameters that are not the same in all runs, with the value of each run */
  readonly differences: readonly { readonly name: string; readonly values: readonly string[] }[]
}

/**
 * Captions a split with each run's best weights and scores the captions on the images that all runs can caption; the
 * scores of the other runs are compared with those of the first by the paired bootstrap test. Throws UserError for
 * fewer than two runs, for runs whose images or references differ, and if a part of a run or its dataset is missing.
 */
export async function compareRuns({
  engine,
  runs,
  split,
  search,
  bootstrap,
  data,
  onProgress,
  signal,
}: CompareOptions): Promise<ComparedRuns> {
  checkRuns(runs)
  const tested: CaptionedSplit[] = []
  for (const [i, run] of runs.entries())
    tested.push(
      await captionSplit({
        engine,
        run,
        split,
        ...(search && { search }),
        ...(data !== undefined && { data }),
        ...(signal && { signal }),
        onProgress: (done, total) => onProgress?.(i * total + done, runs.length * total),
      }),
    )
  const images = commonImages(
    runs,
    tested.map((each) => each.images),
  )
  const references = Object.fromEntries(images.map((image) => [image.id, image.captions]))
  const captionsOf = (i: number) => {
    const captions = new Map(tested[i]!.captions.map(({ id, caption }) => [id, caption]))
    return images.map(({ id }) => ({ image_id: id, caption: captions.get(id)! }))
  }
  const first = captionsOf(0)
  const configs = await Promise.all(runs.map((run) => readRunConfig(run)))
  const names = shortNames(runs)
  const compared: ComparedRun[] = []
  for (const [i, run] of runs.entries()) {
    signal?.throwIfAborted()
    const results = captionsOf(i)
    const others = i === 0 ? {} : { compare: first }
    const evaluation = await evaluate({ references, results, emptyAsZero: true, bootstrap, ...others })
    compared.push({
      run,
      name: names[i]!,
      config: configs[i]!,
      epochs: historyOf(await readJournal(runFiles(run).log)).epochs,
      scores: evaluation.scores.map(comparedWithFirst),
      captions: evaluation.images.map(({ caption, scores }) => ({ caption, cider: scores.CIDEr! })),
    })
  }
  const dataset = await Dataset.open(data ?? configs[0]!.data.folder)
  return {
    images: images.map((image) => ({ id: image.id, captions: image.captions, path: dataset.imagePath(image) })),
    runs: compared,
    differences: differingSettings(configs),
  }
}

/** A score whose comparison is that of the first run with this one, and not the other way around. */
function comparedWithFirst({ comparison, ...score }: CorpusScore): CorpusScore {
  if (!comparison) return score
  const { difference, interval, p } = comparison
  const [low, high] = interval
  return { ...score, comparison: { other: score.score, difference: -difference, interval: [-high, -low], p } }
}

function checkRuns(runs: readonly string[]): void {
  const paths = runs.map((run) => resolve(run))
  const twice = runs.filter((_, i) => paths.indexOf(paths[i]!) < i)
  if (runs.length < 2) throw new UserError('Cannot compare one run: give the folders of two or more')
  if (twice.length > 0) throw new UserError(`Cannot compare a run with itself: ${firstFew(twice)} is given twice`)
}

/** The images that all runs captioned. Throws UserError if there are none, or if their references differ. */
function commonImages(runs: readonly string[], captioned: readonly (readonly ImageEntry[])[]): readonly ImageEntry[] {
  const others = captioned.slice(1).map((images) => new Map(images.map((image) => [image.id, image])))
  const common = captioned[0]!.filter(({ id }) => others.every((images) => images.has(id)))
  if (common.length === 0)
    throw new UserError(
      `Cannot compare ${firstFew(runs)}: no image has features and concepts for all of them; ` +
        'were they trained on different datasets? Give one with --data',
    )
  for (const { id, captions } of common)
    for (const [i, images] of others.entries())
      if (images.get(id)!.captions.join('\n') !== captions.join('\n'))
        throw new UserError(
          `Cannot compare "${runs[0]}" with "${runs[i + 1]}": the references of image "${id}" differ in their datasets; ` +
            'give one dataset with --data',
        )
  return common
}

/** The last parts of the paths, as many as tell the runs apart. */
export function shortNames(runs: readonly string[]): string[] {
  const parts = runs.map((run) => resolve(run).split(/[/\\]/))
  const most = Math.max(...parts.map(({ length }) => length))
  for (let kept = 1; kept < most; kept++) {
    const names = parts.map((path) => path.slice(-kept).join('/'))
    if (new Set(names).size === names.length) return names
  }
  return runs.map((run) => resolve(run))
}

function differingSettings(configs: readonly RunConfig[]): ComparedRuns['differences'] {
  const settings = configs.map((config) => new Map(settingsOf(config)))
  const names = [...new Set(settings.flatMap((each) => [...each.keys()]))]
  return names
    .map((name) => ({ name, values: settings.map((each) => each.get(name) ?? '-') }))
    .filter(({ values }) => new Set(values).size > 1)
}
