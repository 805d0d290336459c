import type { Engine } from '../engine/engine.ts'
import type { ImageInput } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import type { NetworkPaths } from './feature-extractor.ts'
import { ImageReader, type NamedImage, type ReadBatch, type SkippedImage } from './photo-reader.ts'
import { type Representation, Representer } from './representer.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** Tensors of images by name, see Representer; the first size is the number of images. */
export type Representations = ReadonlyMap<string, Representation>

/** Images as a captioner with MIA encodes them. */
export interface RepresentedImages {
  readonly names: readonly string[]
  /**
   * those of Representer, and `boxes` `[names, R, 4]`: left, top, right, bottom as fractions of the image, zeros
   * where it has fewer regions
   */
  readonly tensors: Representations
  /** the words of the K concepts of each image, in the order of the attention's columns */
  readonly concepts: readonly (readonly string[])[]
  readonly skipped: readonly SkippedImage[]
}

/** An image as a captioner with MIA encodes it: the tensors of RepresentedImages without their first size. */
export interface RepresentedImage extends NamedImage {
  readonly tensors: Representations
  /** the words of its K concepts, in the order of the attention's columns */
  readonly concepts: readonly string[]
}

/** Options of representations. */
export interface RepresentOptions extends NetworkPaths, Watch {
  /** also the attention of each iteration */
  readonly attention?: boolean
}

/** The semantic-grounded representations of images. Throws UserError for a captioner without MIA. */
export async function representImages(
  engine: Engine,
  captioner: TrainedCaptioner,
  images: readonly ImageInput[],
  { attention = false, onProgress, signal, ...paths }: RepresentOptions = {},
): Promise<RepresentedImages> {
  const { config, model, weights } = captioner
  checkRepresents(captioner)
  const names: string[] = []
  const concepts: string[][] = []
  const skipped: SkippedImage[] = []
  const parts: Representations[] = []
  const reader = await ImageReader.open(engine, captioner, paths)
  let representer: Representer | undefined
  try {
    representer = await Representer.load(engine.runtime, model, weights, { attention })
    for await (const batch of reader.read(images)) {
      signal?.throwIfAborted()
      skipped.push(...batch.skipped)
      names.push(...batch.images.map(({ image }) => image))
      concepts.push(...batch.images.map((image) => image.concepts.map(({ word }) => word)))
      if (batch.images.length > 0) parts.push(await representBatch(representer, batch, config.model.regions))
      onProgress?.(names.length + skipped.length, images.length)
    }
  } finally {
    representer?.release()
    reader.release()
  }
  return { names, tensors: concatenated(parts), concepts, skipped }
}

/** Throws UserError for a captioner without MIA, which has no such representations. */
export function checkRepresents({ name, config }: TrainedCaptioner): void {
  if (!config.model.mia)
    throw new UserError(`Cannot represent images with run "${name}": it has no MIA; train one with "mia train --mia"`)
}

/** The tensors of a batch of images, see RepresentedImages; `regions` is the most regions of an image. */
export async function representBatch(
  representer: Representer,
  { images, features, concepts }: ReadBatch,
  regions: number,
): Promise<Representations> {
  const boxes = images.map((image) => image.boxes)
  return new Map([...(await representer.represent(features, concepts)), ['boxes', padded(boxes, regions)]])
}

/** The representations of each image of a batch. */
export function splitRepresentations({ images }: ReadBatch, tensors: Representations): RepresentedImage[] {
  return images.map(({ image, index, concepts }, i) => ({
    image,
    index,
    tensors: new Map(
      [...tensors].map(
        ([
          name,
          {
            shape: [, ...shape],
            data,
          },
        ]) => {
          const size = data.length / images.length
          return [name, { shape, data: data.slice(i * size, (i + 1) * size) }]
        },
      ),
    ),
    concepts: concepts.map(({ word }) => word),
  }))
}

/** The boxes of images, padded to `most` each: `[images, most, 4]`. */
function padded(boxes: readonly Float32Array[], most: number): Representation {
  const data = new Float32Array(boxes.length * most * 4)
  for (const [i, each] of boxes.entries()) data.set(each, i * most * 4)
  return { shape: [boxes.length, most, 4], data }
}

/** The tensors of all batches, one batch after the other. */
function concatenated(parts: readonly Representations[]): Representations {
  return new Map(
    [...(parts[0]?.keys() ?? [])].map((name) => {
      const each = parts.map((part) => part.get(name)!)
      const [, ...rest] = each[0]!.shape
      const data = new Float32Array(each.reduce((sum, part) => sum + part.data.length, 0))
      let at = 0
      for (const part of each) {
        data.set(part.data, at)
        at += part.data.length
      }
      return [name, { shape: [each.reduce((sum, part) => sum + part.shape[0]!, 0), ...rest], data }]
    }),
  )
}
