import { gzipSync } from 'node:zlib'
import { type CaptionFile, readReferences, readResults } from '../../../src/annotations/captions.ts'
import { readAnnotationFile } from '../../../src/annotations/file.ts'
import { readBytes } from '../../../src/disk/files.ts'
import { encode, type Format, type Mutant, parsed } from '../format.ts'
import { zipOf } from '../zip-of.ts'

const CAPTIONS = [
  { image_id: 1, caption: 'a red dog' },
  { image_id: 2, caption: 'a blue cat, sitting' },
  { image_id: 2, caption: 'a cat "on" a café chair' },
]

interface Options extends Pick<Format, 'json' | 'lines' | 'wrong'> {
  /** results, of one caption for each image; else references */
  readonly results?: true
}

function captions(
  name: string,
  file: string,
  contents: readonly unknown[],
  { results, ...options }: Options = {},
): Format {
  return {
    name,
    file,
    ...options,
    originals: async () => contents.map((content) => (content instanceof Uint8Array ? content : encode(content))),
    async read(path) {
      const parsed = await readAnnotationFile(await readBytes(path, 'captions'), path, 'captions')
      return results ? readResults(parsed, { several: false, emptyAsZero: false }) : readReferences(parsed)
    },
  }
}

/** The captions of a list of records with these two fields, by the obvious way; undefined for anything else. */
function captionsOf(list: unknown): Map<string, string[]> | undefined {
  if (!Array.isArray(list)) return undefined
  const found = new Map<string, string[]>()
  for (const record of list) {
    const { image_id: id, caption } = Object(record) as Record<string, unknown>
    if ((!Number.isSafeInteger(id) && typeof id !== 'string') || typeof caption !== 'string' || caption.trim() === '')
      return undefined
    const others = found.get(`${id}`)
    if (others) others.push(caption)
    else found.set(`${id}`, [caption])
  }
  return found
}

/** Compares what was read of a list of `{image_id, caption}` with what the obvious way reads. */
function wrongList(list: unknown, result: unknown): string | undefined {
  const expected = captionsOf(list)
  if (!expected) return undefined
  const { images } = result as CaptionFile
  for (const [id, texts] of expected)
    if (images.get(id)?.captions.join('\n') !== texts.join('\n')) return `the captions of image ${id} are others`
  return images.size === expected.size ? undefined : `it has ${images.size} images instead of ${expected.size}`
}

const listOf = (value: unknown): unknown =>
  Array.isArray(value) ? value : (value as { annotations?: unknown } | undefined)?.annotations

const packed = (_: Mutant, result: unknown, right: unknown): string | undefined => {
  const [a, b] = [result, right].map((each) => JSON.stringify([...(each as CaptionFile).images]))
  return a === b ? undefined : 'its content is not that of the original'
}

/** The captions files of `mia eval`: results and references in every form. */
export const CAPTION_FILES: readonly Format[] = [
  captions('results', 'results.json', [CAPTIONS.slice(0, 2)], {
    results: true,
    json: 'whole',
    wrong: ({ bytes }, result) => wrongList(parsed(bytes), result),
  }),
  captions('references', 'references.json', [{ images: [{ id: 1 }, { id: 2 }], annotations: CAPTIONS }], {
    json: 'whole',
    wrong: ({ bytes }, result) => {
      const value = parsed(bytes) as { images?: unknown } | undefined
      return value?.images === undefined ? wrongList(listOf(value), result) : undefined
    },
  }),
  captions(
    'csv',
    'captions.csv',
    ['image,caption\n1.jpg,"a red dog"\n2.jpg,a blue cat\n', 'image;caption\r\n1.jpg;"a ""red"" dog"\r\n2.jpg;a cat'],
    { lines: true },
  ),
  captions(
    'tsv',
    'captions.tsv',
    ['image\tcaption\n1.jpg\ta red dog\n2.jpg\ta blue cat\n', '1.jpg#0\ta red dog\n1.jpg#1\ta dog\n2.jpg#0\ta cat\n'],
    { lines: true },
  ),
  captions('json-lines', 'captions.jsonl', [CAPTIONS.map((each) => JSON.stringify(each)).join('\n')], {
    lines: true,
    json: 'lines',
  }),
  // gzip and zip have checksums: a mutant is read as its original, or refused
  captions('gzip', 'captions.json.gz', [new Uint8Array(gzipSync(encode(CAPTIONS)))], { wrong: packed }),
  captions('zipped-captions', 'captions.zip', [zipOf('a.json', encode(CAPTIONS))], { wrong: packed }),
]
