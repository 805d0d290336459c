import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import type { ImageCaption } from '../caption/caption-all.ts'
import { makeEnsemble } from '../caption/ensemble.ts'
import { DEFAULT_SEARCH, type SearchChoices, type SearchSettings, searchSettings } from '../caption/search-settings.ts'
import { Dataset, type ImageEntry, type Split } from '../data/dataset.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { readBytes, writeFileAtomic } from '../disk/files.ts'
import { openRun, runFiles } from '../disk/run.ts'
import { amongShards } from '../disk/shard-results.ts'
import { storedInputs } from '../disk/stored-inputs.ts'
import { ALONE } from '../distributed/communicator.ts'
import { amongRanks, type Part, type Sharing } from '../distributed/sharing.ts'
import { Team } from '../distributed/team.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import type { Precision } from '../models/precision.ts'
import type { Watch } from '../progress.ts'
import { ModelDecoder } from '../search/model-stepper.ts'
import { captionShared } from './caption-shared.ts'
import { SCORING_SECONDS, scoreCaptions, scoreSeveral, usualMetrics } from './score.ts'

/** Which run is tested on which images, and how captions are searched for. */
export interface TestOptions extends Watch {
  readonly engine: Engine
  readonly run: string
  /** other runs that caption together with it, see makeEnsemble(); none by default */
  readonly others?: readonly string[]
  readonly split: Split
  readonly search?: SearchChoices
  /** int8: the largest layers are quantised, see isQuantized(); float32 by default */
  readonly precision?: Precision
  /** the dataset's folder, by default the one the run was trained on */
  readonly data?: string
}

/** The captions of a test and their scores. */
export interface TestResult {
  /** images that were captioned */
  readonly images: number
  readonly scores: Readonly<Record<string, number>>
  readonly captions: readonly (ImageCaption & { readonly cider: number })[]
  /** ids of images that have no features or concepts */
  readonly missing: readonly string[]
  /** the file of the captions, in COCO's results format */
  readonly results: string
}

/** The images of a split with their references, and their generated captions in the same order. */
export interface CaptionedSplit {
  readonly images: readonly ImageEntry[]
  readonly captions: readonly ImageCaption[]
  readonly missing: readonly string[]
}

/** Captions the images of a split with a run's weights. Throws UserError if none of them has features and concepts. */
export const captionSplit = async (options: TestOptions): Promise<CaptionedSplit> =>
  (await captionPart(options, amongRanks(new Team(ALONE, options.signal))))!

/** Like captionSplit(), with the images shared out: undefined where the parts are not put together. */
async function captionPart(
  { engine, run: folder, others = [], split, search = {}, precision = 'float32', data, onProgress }: TestOptions,
  sharing: Sharing,
): Promise<CaptionedSplit | undefined> {
  const settings = searchSettings(search)
  const members = await Promise.all([folder, ...others].map((each) => openRun(each)))
  const { lead: run, model, weights } = makeEnsemble(members)
  const source = data ?? members[0]!.config.data.folder
  const dataset = await Dataset.open(source)
  const store = await FeatureStore.open(featuresFolder(source))
  try {
    store.require(run.config.features, `run "${folder}"`)
    const inputs = await storedInputs(
      store,
      run.detector && {
        path: conceptsFile(source),
        vocabulary: run.vocabulary,
        model: run.config.model,
        run: { name: run.name, detector: run.detector },
      },
    )
    const all = dataset.split(split)
    const images = all.filter(({ id }) => inputs.has(id))
    if (images.length === 0)
      throw new UserError(
        `Cannot test on the ${split} split of "${source}": none of its ${all.length} images has features and concepts; run "mia features" and "mia concepts detect"`,
      )
    const decoder = await ModelDecoder.load(engine.runtime, model, weights, { precision })
    const ids = images.map(({ id }) => id)
    const options = { vocabulary: run.vocabulary, search: settings, onProgress }
    const captions = await captionShared(decoder, inputs, ids, options, sharing).finally(() => decoder.release())
    return captions && { images, captions, missing: all.filter(({ id }) => !inputs.has(id)).map(({ id }) => id) }
  } finally {
    await store.close()
  }
}

/**
 * Captions the images of a split by a run's best weights, scores them, and writes captions and scores into the run's
 * folder.
 */
export const testRun = async (options: TestOptions): Promise<TestResult> =>
  (await testPart(options, { team: new Team(ALONE, options.signal) }))!

/**
 * Like testRun(), with the images shared out among the ranks of a team, or by `shard`. Undefined where the parts are
 * not put together: on ranks but the first, and in a shard while others are missing.
 */
export async function testPart(
  options: TestOptions,
  { team, shard }: { readonly team: Team; readonly shard?: Part | undefined },
): Promise<TestResult | undefined> {
  const { run: folder, split, signal } = options
  const search = searchSettings(options.search ?? {})
  const together = (options.others ?? []).map((other) => `-and-${basename(other)}`).join('')
  const name = join(folder, 'results', `${split}-${searchName(search)}${together}`)
  const results = `${name}.json`
  const recipe = shard && {
    split,
    search,
    data: options.data,
    others: options.others,
    weights: await digestOf(runFiles(folder).weights),
  }
  const sharing = shard ? amongShards(shard, { target: results, recipe, signal }) : amongRanks(team)
  const captioned = await captionPart(options, sharing)
  if (!captioned) return undefined
  const { images, captions, missing } = captioned
  const metrics = await usualMetrics()
  team.ranks.busy(SCORING_SECONDS)
  const { corpus, byDataset, cider } = scoreCaptions(images, captions, metrics)
  const several = search.captions > 1 ? scoreSeveral(images, captions) : {}
  const scores = { ...(corpus as Record<string, number>), ...byDataset, ...several }
  await writeFileAtomic(
    results,
    `${JSON.stringify(captions.map(({ id, caption }) => ({ image_id: imageId(id), caption })))}\n`,
  )
  if (search.captions > 1)
    await writeFileAtomic(
      `${name}-all.json`,
      `${JSON.stringify(
        captions.flatMap(({ id, caption, alternatives }) =>
          [{ caption }, ...alternatives].map((each) => ({ image_id: imageId(id), caption: each.caption })),
        ),
      )}\n`,
    )
  await writeFileAtomic(
    `${name}-scores.json`,
    `${JSON.stringify({ split, ...search, images: images.length, scores }, null, 2)}\n`,
  )
  await sharing.finish()
  return {
    images: images.length,
    scores,
    captions: captions.map((caption, i) => ({ ...caption, cider: cider[i]! })),
    missing,
    results,
  }
}

/** SHA-256 of a file, in hexadecimal. */
const digestOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readBytes(path, 'weights'))
    .digest('hex')

/** A search as a part of file names: `beam3`, and the settings that differ from the defaults. */
function searchName({ beam, maxLength: _, ...others }: SearchSettings): string {
  const changed = Object.entries(others).filter(
    ([key, value]) => `${value}` !== `${DEFAULT_SEARCH[key as keyof SearchSettings]}`,
  )
  const dashed = (key: string): string => key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  const plain = (value: unknown): string => (value === true ? '' : `${value}`.replace(/[^\w.]+/g, '_').slice(0, 60))
  return [`beam${beam}`, ...changed.map(([key, value]) => dashed(key) + plain(value))].join('-')
}

/** COCO's ids are numbers; those of other datasets stay text. */
const imageId = (id: string): number | string => (/^\d{1,15}$/.test(id) ? Number(id) : id)
