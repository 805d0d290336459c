import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import sharp from 'sharp'
import { readReferences, readResults } from '../../src/annotations/captions.ts'
import { readAnnotationFile } from '../../src/annotations/file.ts'
import { formatRunConfig, parseRunConfig } from '../../src/caption/run-config.ts'
import { crc32ByTable, unpackZip } from '../../src/data/zip.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/disk/checkpoint.ts'
import { readConcepts } from '../../src/disk/concept-files.ts'
import { readIndex } from '../../src/disk/feature-index.ts'
import { readBytes, readJson } from '../../src/disk/files.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { readSafetensors } from '../../src/disk/safetensors-file.ts'
import { parseNpy, serializeNpy } from '../../src/formats/npy.ts'
import { input, matmul } from '../../src/graph/index.ts'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { readOnnx } from '../../src/onnx/file.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { smallConfig } from '../../test/support/small-run.ts'

/** A format that is read: a file that is right, and how it is read. */
export interface Format {
  readonly name: string
  /** the name of the file */
  readonly file: string
  make(folder: string): Promise<Uint8Array>
  /** Reads the file at a path. Throws UserError, which names the file unless `unnamed`, if it is wrong. */
  read(path: string): Promise<unknown>
  /** the caller of the reader adds the name of the file to its errors */
  readonly unnamed?: true
}

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

const PICTURES = (['jpeg', 'png', 'webp', 'gif', 'tiff'] as const).map(
  (kind): Format => ({
    name: kind,
    file: `picture.${kind}`,
    async make() {
      const pixels = Buffer.from(Array.from({ length: 3 * 32 * 24 }, (_, i) => (i * 37) % 256))
      const image = sharp(pixels, { raw: { width: 32, height: 24, channels: 3 } })
      return new Uint8Array(await image.toFormat(kind).toBuffer())
    },
    read: (path) => nodePictures.decode(path, { width: 16, height: 16 }),
  }),
)

const captions = [
  { image_id: 1, caption: 'a red dog' },
  { image_id: 2, caption: 'a blue cat, sitting' },
]

const annotations = (name: string, file: string, content: unknown, references: boolean): Format => ({
  name,
  file,
  make: async () => encode(content),
  async read(path) {
    const parsed = await readAnnotationFile(await readBytes(path, 'captions'), path, 'captions')
    return references ? readReferences(parsed) : readResults(parsed, { several: false, emptyAsZero: false })
  },
})

const json = (
  name: string,
  file: string,
  content: unknown,
  parse: (value: unknown, path: string) => unknown,
): Format => ({
  name,
  file,
  make: async () => encode(content),
  read: async (path) => parse(await readJson(path, name), path),
})

const tensor = { dtype: 'F32' as const, shape: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => i) }

/** A zip archive with one file, deflated. */
function zipOf(name: string, content: Uint8Array): Uint8Array {
  const [title, packed] = [Buffer.from(name), deflateRawSync(content)]
  const numbers = (...pairs: readonly (readonly [number, 2 | 4])[]): Buffer =>
    Buffer.concat(
      pairs.map(([value, size]) => {
        const bytes = Buffer.alloc(size)
        if (size === 2) bytes.writeUInt16LE(value)
        else bytes.writeUInt32LE(value >>> 0)
        return bytes
      }),
    )
  const common = [
    [20, 2],
    [0, 2],
    [8, 2],
    [0, 4],
    [crc32ByTable(content, 0), 4],
    [packed.length, 4],
    [content.length, 4],
    [title.length, 2],
    [0, 2],
  ] as const
  const local = Buffer.concat([numbers([0x04034b50, 4], ...common), title, packed])
  const central = Buffer.concat([
    numbers([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [0, 4]),
    title,
  ])
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [1, 2], [1, 2], [central.length, 4], [local.length, 4], [0, 2])
  return new Uint8Array(Buffer.concat([local, central, end]))
}

/** Every format that mia reads, except published features, whose files are npy and safetensors too. */
export const FORMATS: readonly Format[] = [
  ...PICTURES,
  annotations('results', 'results.json', captions, false),
  annotations('references', 'references.json', { images: [{ id: 1 }, { id: 2 }], annotations: captions }, true),
  annotations('csv', 'captions.csv', 'image,caption\n1.jpg,"a red dog"\n2.jpg,a blue cat\n', true),
  annotations('tsv', 'captions.tsv', 'image\tcaption\n1.jpg\ta red dog\n2.jpg\ta blue cat\n', true),
  annotations('json-lines', 'captions.jsonl', captions.map((each) => JSON.stringify(each)).join('\n'), true),
  json(
    'vocabulary',
    'vocabulary.json',
    Vocabulary.build([['a', 'red', 'dog']], { minCount: 1 }).toJSON(),
    (value, path) => Vocabulary.fromJSON(value, path),
  ),
  json('run-config', 'config.json', JSON.parse(formatRunConfig(smallConfig())), parseRunConfig),
  {
    name: 'index',
    file: 'features/index.json',
    make: async () =>
      encode({
        format: 'mia-features/2',
        kind: 'grid',
        network: { file: 'a.onnx', sha256: '0'.repeat(64) },
        layer: 'x',
        preprocessing: { width: 8, height: 8, channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] },
        regions: 4,
        size: 8,
        dtype: 'F16',
        shards: [{ file: 'shard-00000.safetensors', ids: ['a', 'b'] }],
        skipped: [],
      }),
    read: (path) => readIndex(dirname(path)),
  },
  {
    name: 'log',
    file: 'log.jsonl',
    make: async () => encode('{"kind":"step","step":1,"loss":2.5}\n{"kind":"epoch","step":2,"epoch":1}\n'),
    read: readJournal,
  },
  {
    name: 'concepts',
    file: 'concepts.jsonl',
    make: async () => encode('{"id":"a","words":["dog"],"scores":[0.5]}\n{"id":"b","words":["cat"],"scores":[0.25]}\n'),
    read: readConcepts,
  },
  {
    name: 'npy',
    file: 'array.npy',
    make: async () => serializeNpy({ shape: [3, 4], data: tensor.data }),
    read: async (path) => parseNpy(await readBytes(path, 'array'), path),
  },
  {
    name: 'checkpoint',
    file: 'checkpoint.safetensors',
    async make(folder) {
      const path = join(folder, 'right.safetensors')
      const weights = new Map([['w', tensor]])
      const progress = { step: 3, epoch: 1, batch: 0, best: null }
      await writeCheckpoint(path, { ...progress, weights, firstMoments: weights, secondMoments: weights })
      return readBytes(path, 'checkpoint')
    },
    read: readCheckpoint,
  },
  {
    name: 'safetensors',
    file: 'weights.safetensors',
    make: (folder) => FORMATS.find(({ name }) => name === 'checkpoint')!.make(folder),
    read: (path) => readSafetensors(path, 'weights'),
  },
  {
    name: 'onnx',
    file: 'model.onnx',
    make: async () => toOnnx({ y: matmul(input('x', ['B', 4]), input('w', [4, 2])) }),
    read: async (path) => readOnnx(await readBytes(path, 'network')),
    unnamed: true,
  },
  {
    name: 'zip',
    file: 'archive.zip',
    make: async () => zipOf('a.json', encode(captions)),
    async read(path) {
      const folder = `${path}.unpacked`
      await mkdir(folder, { recursive: true })
      try {
        await unpackZip({ path, folder })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  },
]

/** Writes a mutant where its reader expects it. */
export async function place(folder: string, { file }: Format, bytes: Uint8Array): Promise<string> {
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  return path
}
