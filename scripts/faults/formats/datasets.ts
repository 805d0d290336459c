import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readCaptionedFolder } from '../../../src/data/captioned-folder.ts'
import { readCoco } from '../../../src/data/coco.ts'
import { Dataset, writeDataset } from '../../../src/data/dataset.ts'
import { readFlickr8k } from '../../../src/data/flickr8k.ts'
import { readKarpathy } from '../../../src/data/karpathy.ts'
import type { Source } from '../../../src/data/source.ts'
import { unpackZip } from '../../../src/data/zip.ts'
import { Vocabulary } from '../../../src/text/vocabulary.ts'
import { disagreement, encode, type Format, parsed } from '../format.ts'
import { zipOf } from '../zip-of.ts'

const SENTENCES = ['a red dog', 'a blue cat, sitting']
const NAMES = ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg']

const COCO = {
  images: NAMES.map((file_name, id) => ({ id, file_name })),
  annotations: NAMES.map((_, image_id) => ({ image_id, caption: SENTENCES[image_id % 2] })),
}
const KARPATHY = {
  dataset: 'tiny',
  images: NAMES.map((filename, cocoid) => ({
    cocoid,
    filename,
    filepath: 'val2014',
    split: ['train', 'restval', 'val', 'test'][cocoid],
    sentences: SENTENCES.map((raw) => ({ raw })),
  })),
}

/** Names may not lead out of the folder. */
function outside(result: unknown): string | undefined {
  const image = (result as Source).images.find(({ file }) => /(^|[\\/])\.\.([\\/]|$)|^[\\/]/.test(file))
  return image && `the picture "${image.file}" is outside of the folder`
}

/** A dataset folder, one file of which is mutated. */
function dataset(name: string, file: string, json: 'whole' | 'lines'): Format {
  const files = ['dataset.json', 'vocabulary.json', 'images.jsonl']
  return {
    name,
    file: `dataset/${file}`,
    json,
    async originals(folder) {
      const images = NAMES.map((picture, i) => ({
        id: `${i}`,
        file: picture,
        split: (['train', 'val', 'test', 'train'] as const)[i]!,
        captions: SENTENCES,
        tokens: SENTENCES,
      }))
      const vocabulary = Vocabulary.build(
        SENTENCES.map((each) => each.split(' ')),
        { minCount: 1 },
      )
      const rest = { name: 'tiny', source: { kind: 'tiny', files: [] }, imageRoot: '.', problems: [] }
      for (const place of [folder, join(folder, 'mutant')])
        await writeDataset(join(place, 'dataset'), { ...rest, images, vocabulary })
      return [await readFile(join(folder, 'dataset', file))]
    },
    async read(path) {
      const { header, images, vocabulary } = await Dataset.open(dirname(path))
      return { [files[0]!]: header, [files[1]!]: vocabulary.toJSON(), [files[2]!]: images }
    },
    wrong({ bytes }, result) {
      const content = (result as Record<string, unknown>)[file]
      if (file === 'images.jsonl') {
        const ids = (content as { id: string }[]).map(({ id }) => id)
        return new Set(ids).size < ids.length ? 'two images have the same id' : undefined
      }
      const path = disagreement(content, parsed(bytes))
      return path && `${path} is not as the file says`
    },
  }
}

/** What `mia prepare` and `mia data coco` read, and the dataset folders that they make. */
export const DATASETS: readonly Format[] = [
  {
    name: 'coco',
    file: 'annotations/captions_train2017.json',
    json: 'whole',
    originals: async () => [encode(COCO)],
    read: (path) => readCoco({ root: dirname(dirname(path)) }),
    wrong: (_, result) => outside(result),
  },
  {
    name: 'karpathy',
    file: 'dataset_tiny.json',
    json: 'whole',
    originals: async () => [encode(KARPATHY)],
    read: (path) => readKarpathy({ file: path }),
    wrong: (_, result) => outside(result),
  },
  {
    name: 'flickr8k',
    file: 'flickr/Flickr8k.token.txt',
    lines: true,
    async originals(folder) {
      for (const place of [folder, join(folder, 'mutant')]) {
        await mkdir(join(place, 'flickr'), { recursive: true })
        await writeFile(join(place, 'flickr', 'Flickr_8k.trainImages.txt'), NAMES.join('\n'))
      }
      return [encode(NAMES.map((name) => `${name}#0\ta dog\n${name}#1\ta cat\n`).join(''))]
    },
    read: (path) => readFlickr8k({ root: dirname(path) }),
    wrong: (_, result) => outside(result),
  },
  {
    name: 'captioned-folder',
    file: 'captioned/captions.tsv',
    lines: true,
    async originals(folder) {
      for (const place of [folder, join(folder, 'mutant')]) {
        await mkdir(join(place, 'captioned'), { recursive: true })
        for (const name of NAMES) await writeFile(join(place, 'captioned', name), 'a picture')
      }
      return [encode(NAMES.map((name) => `${name}\ta dog\n${name}\ta cat\n`).join(''))]
    },
    read: (path) => readCaptionedFolder({ root: dirname(path) }),
    wrong: (_, result) => outside(result),
  },
  dataset('dataset', 'dataset.json', 'whole'),
  dataset('dataset-vocabulary', 'vocabulary.json', 'whole'),
  dataset('dataset-images', 'images.jsonl', 'lines'),
  {
    name: 'zip',
    file: 'archive.zip',
    originals: async () => [zipOf('a/b.json', encode(COCO)), zipOf('a/b.json', encode(COCO), { stored: true })],
    async read(path) {
      const folder = `${path}.unpacked`
      await mkdir(folder, { recursive: true })
      try {
        const { files } = await unpackZip({ path, folder })
        return await Promise.all(files.map(async (file) => new Uint8Array(await readFile(join(folder, file)))))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    // the names of files have no checksum, their contents have
    wrong: (_, result, right) => {
      const contents = result as Uint8Array[]
      const [whole] = right as Uint8Array[]
      return contents.every((content) => Buffer.from(content).equals(Buffer.from(whole!)))
        ? undefined
        : 'a file has another content'
    },
  },
]
