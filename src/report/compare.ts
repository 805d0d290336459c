import { existsSync } from 'node:fs'
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

/** The folder of a run, or those of several that caption together, with commas between them. */
type RunName = string

/** Which runs are compared, on which images, and how captions are searched for. */
export interface CompareOptions extends Watch {
  readonly engine: Engine
  /** two or more; the others are compared with the first */
  readonly runs: readonly RunName[]
  readonly split: Split
  readonly search?: SearchChoices
  readonly bootstrap: BootstrapOptions
  /** the dataset's folder, by default for each run the one that it was trained on */
  readonly data?: string
}

/** A run, or several that caption together, beside others. */
export interface ComparedRun {
  readonly run: RunName
  /** the shortest end of its path that no other run has; of several runs joined by + */
  readonly name: string
  /** the epochs in its log; none for a packed run, and for several */
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
 * fewer than two runs, for runs whose images or references differ, for runs that cannot caption together, and if a part
 * of a run or its dataset is missing.
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
  const folders = runs.map(foldersOf)
  checkRuns(runs, folders)
  const tested: CaptionedSplit[] = []
  for (const [i, [run, ...others]] of folders.entries())
    tested.push(
      await captionSplit({
        engine,
        run: run!,
        others,
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
  const configs = await Promise.all(folders.map((some) => Promise.all(some.map((each) => readRunConfig(each)))))
  const names = namesOf(folders)
  const compared: ComparedRun[] = []
  for (const [i, run] of runs.entries()) {
    signal?.throwIfAborted()
    const results = captionsOf(i)
    const others = i === 0 ? {} : { compare: first }
    const evaluation = await evaluate({ references, results, emptyAsZero: true, bootstrap, ...others })
    compared.push({
      run,
      name: names[i]!,
      epochs: folders[i]!.length > 1 ? [] : historyOf(await readJournal(runFiles(run).log)).epochs,
      scores: evaluation.scores.map(comparedWithFirst),
      captions: evaluation.images.map(({ caption, scores }) => ({ caption, cider: scores.CIDEr! })),
    })
  }
  const dataset = await Dataset.open(data ?? configs[0]![0]!.data.folder)
  return {
    images: images.map((image) => ({ id: image.id, captions: image.captions, path: dataset.imagePath(image) })),
    runs: compared,
    differences: differingSettings(configs),
  }
}

/** The folders of runs that caption together: those between commas, unless a folder has the whole name. */
function foldersOf(run: string): readonly string[] {
  const folders = existsSync(run) ? [run] : run.split(',')
  if (folders.some((folder) => folder.trim() === ''))
    throw new UserError(`Cannot compare "${run}": there is no run beside a comma; write runs/a,runs/b without spaces`)
  return folders
}

/** A score whose comparison is that of the first run with this one, and not the other way around. */
function comparedWithFirst({ comparison, ...score }: CorpusScore): CorpusScore {
  if (!comparison) return score
  const { difference, interval, p } = comparison
  const [low, high] = interval
  return { ...score, comparison: { other: score.score, difference: -difference, interval: [-high, -low], p } }
}

function checkRuns(runs: readonly RunName[], folders: readonly (readonly string[])[]): void {
  const paths = folders.map((some) => some.map((each) => resolve(each)).toSorted())
  const together = runs.filter((_, i) => new Set(paths[i]).size < paths[i]!.length)
  const whole = paths.map((some) => some.join())
  const twice = runs.filter((_, i) => whole.indexOf(whole[i]!) < i)
  if (runs.length < 2) throw new UserError('Cannot compare one run: give the folders of two or more')
  if (twice.length > 0) throw new UserError(`Cannot compare a run with itself: ${firstFew(twice)} is given twice`)
  if (together.length > 0)
    throw new UserError(`Cannot caption with a run and itself together: one is twice in ${firstFew(together)}`)
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

/** The short names of runs, those of runs that caption together joined by +. */
function namesOf(folders: readonly (readonly string[])[]): string[] {
  const all = [...new Set(folders.flat().map((folder) => resolve(folder)))]
  const names = shortNames(all)
  return folders.map((some) => some.map((each) => names[all.indexOf(resolve(each))]!).join('+'))
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

/** Settings that are not the same in all; `configs` are those of the runs that caption together, for each. */
function differingSettings(configs: readonly (readonly RunConfig[])[]): ComparedRuns['differences'] {
  const settings = configs.map((some) => some.map((config) => new Map(settingsOf(config))))
  const names = [...new Set(settings.flat().flatMap((each) => [...each.keys()]))]
  return names
    .map((name) => ({
      name,
      values: settings.map((some) => [...new Set(some.map((each) => each.get(name) ?? '-'))].join(', ')),
    }))
    .filter(({ values }) => new Set(values).size > 1)
}
