import { Representer } from '../caption/representer.ts'
import { Dataset, type Split } from '../data/dataset.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { readBytes } from '../disk/files.ts'
import {
  type DatasetFormat,
  type DatasetRepresentation,
  openRepresentationWriter,
} from '../disk/representation-writer.ts'
import { openRun, runFiles } from '../disk/run.ts'
import { storedInputs } from '../disk/stored-inputs.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { sha256 } from '../formats/sha256.ts'
import type { Watch } from '../progress.ts'
import type { FeatureSource } from '../vision/feature-source.ts'
import { gridBoxes } from '../vision/grid.ts'

/** Which run represents which images, and where to. */
export interface RepresentSplitOptions extends Watch {
  readonly engine: Engine
  /** the folder of a run with MIA */
  readonly run: string
  /** the folder of a dataset with stored features and concepts */
  readonly data: string
  readonly split: Split
  readonly format: DatasetFormat
  readonly out: string
}

/** What was written. */
export interface RepresentedSplit {
  /** images that this call wrote */
  readonly written: number
  /** images that an earlier call wrote */
  readonly kept: number
  /** ids of images that have no features or concepts */
  readonly missing: readonly string[]
}

const IMAGES_PER_BATCH = 50

/**
 * Writes the semantic-grounded image representations of a split from its stored features and concepts, batch by batch;
 * after an abort or a kill the same call resumes. The images themselves are not needed; TSV files have their sizes if
 * they are there. Throws UserError if the run has no MIA, or no image has features and concepts.
 */
export async function representSplit({
  engine,
  run: folder,
  data,
  split,
  format,
  out,
  onProgress,
  signal,
}: RepresentSplitOptions): Promise<RepresentedSplit> {
  const run = await openRun(folder)
  const { model, features } = run.config
  if (!model.mia)
    throw new UserError(`Cannot represent images with run "${folder}": it has no MIA; train one with "mia train --mia"`)
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  try {
    store.require(features, `run "${folder}"`)
    const vocabulary = run.vocabulary
    const inputs = await storedInputs(
      store,
      run.detector && {
        path: conceptsFile(data),
        vocabulary,
        model,
        run: { name: folder, detector: run.detector },
      },
    )
    const all = dataset.split(split)
    const images = all.filter(({ id }) => inputs.has(id))
    if (images.length === 0)
      throw new UserError(
        `Cannot represent the ${split} split of "${data}": none of its ${all.length} images has features and concepts; ` +
          'run "mia features" and "mia concepts detect"',
      )
    const weights = await sha256(await readBytes(runFiles(folder).weights, 'weights'))
    const writer = await openRepresentationWriter(format, out, { weights, data: dataset.header.name, split })
    let representer: Representer | undefined
    try {
      representer = await Representer.load(engine.runtime, run.model, run.weights, { attention: false })
      const todo = images.filter(({ id }) => !writer.has(id))
      const kept = images.length - todo.length
      for (let start = 0; start < todo.length; start += IMAGES_PER_BATCH) {
        signal?.throwIfAborted()
        const batch = todo.slice(start, start + IMAGES_PER_BATCH)
        const ids = batch.map(({ id }) => id)
        const tensors = await representer.represent(await inputs.features(ids), inputs.concepts(ids))
        const pixels = await Promise.all(
          batch.map((image) =>
            format === 'tsv' ? engine.pictures.size(dataset.imagePath(image)).catch(() => undefined) : undefined,
          ),
        )
        for (const [i, represented] of rowsOf(tensors, ids.length).entries())
          await writer.write({ ...represented, id: ids[i]!, boxes: boxesOf(features, represented), pixels: pixels[i] })
        onProgress?.(kept + start + batch.length, images.length)
      }
      return { written: todo.length, kept, missing: all.filter(({ id }) => !inputs.has(id)).map(({ id }) => id) }
    } finally {
      representer?.release()
      await writer.close()
    }
  } finally {
    await store.close()
  }
}

type Rows = Pick<DatasetRepresentation, 'features' | 'size'>

/** The rows of each image, without padding. */
function rowsOf(tensors: Awaited<ReturnType<Representer['represent']>>, images: number): Rows[] {
  const { shape, data } = tensors.get('sgir')!
  const [, most, size] = shape as [number, number, number]
  const mask = tensors.get('mask')?.data
  return Array.from({ length: images }, (_, image) => {
    let rows = most
    while (mask && rows > 1 && mask[image * most + rows - 1] === 0) rows -= 1
    return { size, features: data.slice(image * most * size, (image * most + rows) * size) }
  })
}

/** The cells of a square grid; rows beyond are of the whole image. Boxes of detected objects are not stored. */
function boxesOf(source: FeatureSource, { features, size }: Rows): Float32Array | undefined {
  const cells = gridBoxes(source)
  if (!cells) return undefined
  const boxes = Float32Array.from({ length: (features.length / size) * 4 }, (_, i) => (i % 4 < 2 ? 0 : 1))
  boxes.set(cells.subarray(0, boxes.length))
  return boxes
}
