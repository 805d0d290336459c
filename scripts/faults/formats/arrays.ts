import { cp, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readBottomUp } from '../../../src/disk/bottom-up.ts'
import { readCheckpoint, writeCheckpoint } from '../../../src/disk/checkpoint.ts'
import { FeatureStore } from '../../../src/disk/feature-store.ts'
import { FeatureWriter } from '../../../src/disk/feature-writer.ts'
import { readBytes } from '../../../src/disk/files.ts'
import { readSafetensors } from '../../../src/disk/safetensors-file.ts'
import { UserError } from '../../../src/errors.ts'
import { type NpyArray, parseNpy, serializeNpy } from '../../../src/formats/npy.ts'
import { source } from '../../../test/train/world.ts'
import { equal, type Format, type Mutant } from '../format.ts'
import { zipOf } from '../zip-of.ts'

const data = Float32Array.from({ length: 12 }, (_, i) => i + 1)
const tensor = { dtype: 'F32' as const, shape: [3, 4], data }

/** An array of float64 as NumPy writes it in format version 2. */
function version2(): Uint8Array {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }".padEnd(115)
  const bytes = Buffer.alloc(12 + 116 + 96)
  bytes.write('\x93NUMPY\x02\x00', 0, 'latin1')
  bytes.writeUInt32LE(116, 8)
  bytes.write(`${header}\n`, 12, 'latin1')
  for (const [i, value] of data.entries()) bytes.writeDoubleLE(value, 128 + 8 * i)
  return bytes
}

/** Compares an array with the numbers at the end of the file, where format says that they are. */
function wrongArray({ bytes }: Mutant, result: unknown): string | undefined {
  const { shape, data: found } = result as NpyArray
  if (found.length !== shape.reduce((a, b) => a * b, 1)) return `it has ${found.length} numbers of shape ${shape}`
  const text = Buffer.from(bytes).toString('latin1')
  const [, kind] = /'descr':\s*'(<f[248])'/.exec(text) ?? []
  const size = Number(kind?.[2])
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = bytes.length - size * found.length
  for (let i = 0; i < found.length && size !== 2; i++) {
    const at = start + size * i
    const expected = size === 4 ? view.getFloat32(at, true) : Math.fround(view.getFloat64(at, true))
    if (!Object.is(expected, found[i])) return `number ${i} is ${found[i]}, not ${expected}`
  }
  return undefined
}

/** What has a checksum is read as the original has it, or refused. */
const asTheOriginal = (_: Mutant, result: unknown, right: unknown): string | undefined =>
  equal(result, right) ? undefined : 'it has another content, and the checksum is not wrong'

/** A file of bottom-up features; a damaged picture has a reason, which names the file. */
const bottomUp = (
  name: string,
  file: string,
  originals: readonly Uint8Array[],
  { inFolder, ...rest }: { readonly inFolder?: true } & Partial<Format>,
): Format => ({
  name,
  file,
  ...rest,
  originals: async () => originals,
  async read(path) {
    const found: unknown[] = []
    for await (const picture of readBottomUp(inFolder ? dirname(path) : path, new Set(['1', '2']))) {
      if (picture.reason === undefined) found.push(picture)
      else if (inFolder || !picture.reason.includes(path)) throw new UserError(picture.reason)
    }
    return found
  },
})

const base64 = (values: readonly number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('base64')
const TSV = ['1', '2']
  .map((id) => [id, 64, 48, 2, base64([0, 0, 1, 1, 0, 0, 2, 2]), base64([1, 2, 3, 4, 5, 6])].join('\t'))
  .join('\n')

/** Files of numbers. */
export const ARRAYS: readonly Format[] = [
  {
    name: 'npy',
    file: 'array.npy',
    originals: async () => [serializeNpy({ shape: [3, 4], data }), version2()],
    read: async (path) => parseNpy(await readBytes(path, 'array'), path),
    wrong: wrongArray,
  },
  bottomUp(
    'npz',
    'npz/1.npz',
    [true, false].map((stored) => zipOf('feat.npy', serializeNpy({ shape: [3, 4], data }), { stored })),
    {
      inFolder: true,
      wrong: asTheOriginal,
    },
  ),
  bottomUp('bottom-up-npy', 'npy/1.npy', [serializeNpy({ shape: [3, 4], data })], { inFolder: true }),
  bottomUp('bottom-up-tsv', 'features.tsv', [new TextEncoder().encode(TSV)], { lines: true }),
  {
    name: 'checkpoint',
    file: 'checkpoint.safetensors',
    async originals(folder) {
      const path = join(folder, 'right.safetensors')
      const weights = new Map([['w', tensor]])
      const progress = { step: 3, epoch: 1, batch: 0, best: null }
      await writeCheckpoint(path, { ...progress, weights, firstMoments: weights, secondMoments: weights })
      return [await readFile(path)]
    },
    read: readCheckpoint,
    wrong: asTheOriginal,
  },
  {
    name: 'safetensors',
    file: 'weights.safetensors',
    originals: (folder) => ARRAYS.find(({ name }) => name === 'checkpoint')!.originals(folder),
    read: (path) => readSafetensors(path, 'weights'),
    wrong: asTheOriginal,
  },
  {
    name: 'features',
    file: 'features/shard-00000.safetensors',
    async originals(folder) {
      const writer = await FeatureWriter.open(join(folder, 'features'), source)
      for (const id of ['a', 'b', 'c'])
        await writer.add(id, { features: Uint16Array.from({ length: source.regions * source.size }, (_, i) => i) })
      await writer.close()
      await cp(join(folder, 'features'), join(folder, 'mutant', 'features'), { recursive: true })
      return [await readFile(join(folder, 'features', 'shard-00000.safetensors'))]
    },
    async read(path) {
      const store = await FeatureStore.open(dirname(path))
      try {
        return await store.read(['a', 'b', 'c'])
      } finally {
        await store.close()
      }
    },
    wrong: asTheOriginal,
  },
]
