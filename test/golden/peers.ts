import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { parseSafetensors } from '../../src/formats/safetensors.ts'
import type { CaptionModel } from '../../src/models/contract.ts'
import { END, START, UNKNOWN } from '../../src/text/vocabulary.ts'
import { packCaptions } from '../../src/train/pack-captions.ts'

const folder = process.env.MIA_GOLDEN_PEERS ?? fileURLToPath(new URL('../../../shared/golden/peers', import.meta.url))

/** The golden values of another captioner: a file of MIA_GOLDEN_PEERS or ../shared/golden/peers. */
export const peerFile = (name: string): string => join(folder, `${name}.safetensors`)

/** Why the tests of a peer are skipped, or undefined if its file is there. */
export const peerMissing = (name: string): string | undefined =>
  existsSync(peerFile(name)) ? undefined : `no ${peerFile(name)}; set MIA_GOLDEN_PEERS`

/** Captions of each image in the files. */
export const PEER_CAPTIONS = 2
/** Steps of the files' captions: their longest is seven words, and two more are computed. */
export const PEER_STEPS = 9
/** Regions of the image that has most. */
export const PEER_REGIONS = 6

/** A file of golden values by name, and its batches. */
export function openPeer(name: string) {
  const { tensors, metadata } = parseSafetensors(readFileSync(peerFile(name)), name)
  const entry = (key: string) => {
    const found = tensors.get(key)
    if (!found) throw new Error(`${name} has no ${key}`)
    return found
  }
  const numbers = (key: string): Float32Array => entry(key).data as Float32Array
  const shapeOf = (key: string): readonly number[] => entry(key).shape
  const whole = (key: string): number[] => Array.from(entry(key).data as BigInt64Array, Number)
  const [images, most, size] = entry('in.att_feats').shape as [number, number, number]
  const attMasks = numbers('in.att_masks')
  /** `in.att_feats` cut to the largest count, with zeros as padding, and `more` numbers behind those of each region */
  const features = (more: (image: number) => ArrayLike<number> = () => []): Float32Array => {
    const width = size + more(0).length
    const rows = new Float32Array(images * PEER_REGIONS * width)
    for (let image = 0; image < images; image++)
      for (let region = 0; region < PEER_REGIONS; region++)
        if (attMasks[image * most + region] === 1) {
          const from = (image * most + region) * size
          const at = (image * PEER_REGIONS + region) * width
          rows.set(numbers('in.att_feats').subarray(from, from + size), at)
          rows.set(more(image), at + size)
        }
    return rows
  }
  const rows = images * PEER_CAPTIONS
  const labels = whole('in.labels')
  const width = labels.length / rows
  const captions = Array.from({ length: rows }, (_, n) => {
    const own = labels.slice(n * width + 1, (n + 1) * width)
    return own.slice(0, own.indexOf(0))
  })
  return {
    metadata,
    numbers,
    whole,
    shapeOf,
    images,
    features,
    captions,
    /** whether region `region` of an image is real */
    isRegion: (image: number, region: number): boolean => attMasks[image * most + region] === 1,
    has: (key: string): boolean => tensors.has(key),
  }
}

/** The words of captions as the inputs of predict() in the file's ids, where 0 is both `<start>` and `<end>`. */
export function peerWords(captions: readonly (readonly number[])[], steps: number): Record<string, HostValue> {
  const { inputs, targets, positions } = packCaptions(captions, steps, PEER_CAPTIONS)
  return {
    // the one caption word of id 1 may not be taken for <start>: only the first step has it
    words: ints(
      inputs.map((word, i) => (i < captions.length ? 0 : word)),
      [steps, captions.length],
    ),
    targets: ints(endsAsZero(targets, captions, steps)),
    positions: ints(positions),
  }
}

/** Targets with 0 for the end of each caption, which packCaptions() makes END, a word of these files. */
function endsAsZero(targets: Int32Array, captions: readonly (readonly number[])[], steps: number): Int32Array {
  const ends = Array.from({ length: steps }, (_, t) =>
    captions.flatMap(({ length }) => (t <= length ? [t === length] : [])),
  ).flat()
  return targets.map((word, i) => (ends[i] ? 0 : word))
}

/** Our id of a word of the files: the special words come first here. */
export const ourId = (theirs: number): number => (theirs === 0 ? END : theirs + UNKNOWN)

/**
 * The weights of a model for search: the rows of word embedding and output layer in the order of our ids, and words
 * that the files do not have never said.
 */
export function searchWeights(model: CaptionModel, weights: ReadonlyMap<string, HostValue>): Map<string, HostValue> {
  const changed = new Map(weights)
  for (const { name, shape } of model.parameters.values()) {
    const theirs = floatData(weights.get(name)!)
    const [size, ...rest] = shape
    const width = rest[0] ?? 1
    const rowsFrom = (first: number, fill: number): HostValue => {
      const data = new Float32Array(size! * width).fill(fill)
      data.set(theirs.subarray(0, width), first * width)
      data.set(theirs.subarray(width), (UNKNOWN + 1) * width)
      return floats(shape, data)
    }
    if (name === 'words.weight') changed.set(name, rowsFrom(START, 0))
    if (name === 'decoder.output.weight') changed.set(name, rowsFrom(END, 0))
    if (name === 'decoder.output.bias') changed.set(name, rowsFrom(END, -1e9))
  }
  return changed
}

/** Expects numbers within 1e-4, relative to those beyond 1; and gradients within 1e-3 of the largest too. */
export function expectNear(actual: ArrayLike<number>, golden: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(golden.length)
  const far = Array.from(golden, (value, i) => Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value)))
  expect(Math.max(...far), what).toBeLessThan(1e-4)
}
