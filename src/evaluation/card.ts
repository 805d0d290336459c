import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { FITTING_CIDER, fitCalibration, reliabilityOf } from '../caption/calibration.ts'
import { type ImageCaption, meanProbability } from '../caption/caption-all.ts'
import { photoSettingsFor } from '../caption/search-settings.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { type Card, STATEMENTS } from '../disk/card-file.ts'
import { readBytes } from '../disk/files.ts'
import { readListed } from '../disk/list-runs.ts'
import { packRun } from '../disk/pack.ts'
import { openRun, runFiles, writeCalibration } from '../disk/run.ts'
import { MAX_SAFETENSORS_BYTES } from '../disk/safetensors-file.ts'
import type { Engine } from '../engine/engine.ts'
import { elementCount } from '../formats/host-value.ts'
import { evaluate } from '../metrics/index.ts'
import type { Precision } from '../models/precision.ts'
import type { Watch } from '../progress.ts'
import { BUILTIN_FILE } from '../vision/networks/builtin.ts'
import { scoreCaptions, usualMetrics } from './score.ts'
import { captionSplit } from './test-run.ts'

/** The run to pack, the output folder, and the contents of its model card. */
export interface PackOptions extends Watch {
  readonly engine: Engine
  readonly run: string
  readonly out: string
  /** the dataset's folder, if it is not where the run was trained */
  readonly data?: string
  /** how the captions of the card are computed; float32 by default */
  readonly precision?: Precision
  /** the terms of the data, in a sentence */
  readonly terms: string
  /** the version of the package, and the commit if it is known */
  readonly version: string
  readonly commit?: string
}

/** Words listed of those that the concept detector knows best and worst. */
const SHOWN_WORDS = 12
/** The scores of each dataset. */
const SHOWN_SCORES = ['Bleu_4', 'METEOR', 'ROUGE_L', 'CIDEr', 'SPICE-ts']
/** Bins of the reliability diagram. */
const RELIABILITY_BINS = 10

/**
 * Packs a run for others (see packRun()) and evaluates the packed weights, not the trained ones, on the validation
 * images with the default search. Returns the card without writing it. Throws UserError if a part of
 * the run or of its dataset is missing.
 */
export async function packWithCard({
  engine,
  run,
  out,
  data,
  terms,
  precision = 'float32',
  version,
  commit,
  ...watch
}: PackOptions): Promise<Card> {
  const files = [...(await packRun(run, out)), ...(existsSync(join(out, BUILTIN_FILE)) ? [BUILTIN_FILE] : [])]
  const { detector, model } = await openRun(out)
  const source = data ?? (await openRun(run)).config.data.folder
  const search = photoSettingsFor(detector, {})
  const split = {
    engine,
    run: out,
    data: source,
    split: 'val',
    search,
    precision,
    ...watch,
  } as const
  const { images, captions } = await captionSplit(split)
  const evaluated = {
    references: Object.fromEntries(images.map((image) => [image.id, image.captions])),
    results: captions.map(({ id, caption }) => ({ image_id: id, caption })),
    emptyAsZero: true,
  }
  const evaluation = await evaluate(evaluated)
  const statements = await evaluate({ ...evaluated, metrics: STATEMENTS.map(({ metric }) => metric) })
  const datasets = await scoresByDataset(images, captions)
  const judged = captions.map((caption, i) => ({
    mean: meanProbability(caption),
    fits: evaluation.images[i]!.scores.CIDEr! >= FITTING_CIDER,
  }))
  await writeCalibration(out, fitCalibration(judged))
  const train = (await Dataset.open(source)).split('train')
  const listed = (await readListed(run))!
  const byPrecision = Object.entries(detector?.info.averagePrecision ?? {}).sort(([, a], [, b]) => b - a)
  const [mostFrequent, times] = commonest(captions.map(({ caption }) => caption))
  return {
    terms,
    ...(commit !== undefined && { commit }),
    version,
    trained: {
      images: train.length,
      captions: train.reduce((sum, image) => sum + image.captions.length, 0),
      epochs: listed.epochs,
      bestEpoch: listed.epoch ?? listed.epochs,
    },
    parameters: [...model.parameters.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    scores: evaluation.scores.map(({ name, score, signature }) => ({ name, score, signature })),
    statements: Object.fromEntries(
      statements.scores.filter(({ score }) => !Number.isNaN(score)).map(({ name, score }) => [name, score]),
    ),
    ...(Object.keys(datasets).length > 0 && { datasets }),
    ...(detector && {
      concepts: {
        words: detector.info.words.length,
        meanAveragePrecision: detector.info.meanAveragePrecision,
        best: byPrecision.slice(0, SHOWN_WORDS).map(([word]) => word),
        worst: byPrecision.slice(-SHOWN_WORDS).map(([word]) => word),
      },
    }),
    captions: {
      images: images.length,
      beam: search.beam,
      ...(search.conceptWeight > 0 && { conceptWeight: search.conceptWeight }),
      ...(precision !== 'float32' && { precision }),
      different: new Set(captions.map(({ caption }) => caption)).size,
      words: new Set(captions.flatMap(({ caption }) => caption.split(' '))).size,
      mostFrequent,
      times,
    },
    confidence: { fittingCider: FITTING_CIDER, ...reliabilityOf(judged, RELIABILITY_BINS) },
    files: await describeFiles(out, [...files, basename(runFiles(out).calibration)]),
  }
}

/** The scores of SHOWN_SCORES on the images of each dataset, named `CIDEr flickr8k`; none if there is one dataset. */
async function scoresByDataset(images: readonly ImageEntry[], captions: readonly ImageCaption[]) {
  const metrics = await usualMetrics()
  const { byDataset } = scoreCaptions(images, captions, metrics)
  return Object.fromEntries(
    Object.entries(byDataset).filter(([name]) => SHOWN_SCORES.includes(name.slice(0, name.indexOf(' ')))),
  )
}

function commonest(captions: readonly string[]): [string, number] {
  const counts = new Map<string, number>()
  for (const caption of captions) counts.set(caption, (counts.get(caption) ?? 0) + 1)
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))
}

/** Size and checksum of the packed files, and of no others that are in the folder. */
const describeFiles = (folder: string, names: readonly string[]): Promise<Card['files']> =>
  Promise.all(
    names.map(async (path) => {
      const bytes = await readBytes(join(folder, path), 'packed file', { maxBytes: MAX_SAFETENSORS_BYTES })
      return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
