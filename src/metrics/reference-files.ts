import { UserError } from '../errors.ts'
import { KARPATHY_SPLITS } from '../text/karpathy-splits.ts'
import { type Fields, failing, fieldsOf, isId, isObject, isText } from './json.ts'
import { refuse, refuseIndices } from './refuse.ts'

/** By image id as text: the references. */
export type CaptionsById = ReadonlyMap<string, readonly string[]>

const FORMS = 'give COCO annotations, Karpathy\'s dataset file, or {"image id": ["caption", ...]}'

const SPLITS: ReadonlyMap<unknown, string> = new Map(Object.entries(KARPATHY_SPLITS))

/**
 * Reads references from parsed JSON in one of three formats: COCO annotations `{annotations: [{image_id, caption}]}`;
 * Karpathy's `{images: [{cocoid or filename, split, sentences: [{raw}]}]}`, of which one split is read; or `{id:
 * [captions]}`. Without `split`, it is the split of the first of the `wanted` ids that Karpathy's file has. Throws
 * UserError for another format, an unknown split, and images without captions.
 */
export function readReferences(json: unknown, wanted: Iterable<string>, split?: string): CaptionsById {
  const { annotations, images } = fieldsOf(json)
  const captions = Array.isArray(annotations)
    ? fromCoco(annotations.map(fieldsOf), Array.isArray(images) ? images.map(fieldsOf) : [])
    : Array.isArray(images) && fieldsOf(images[0]).sentences !== undefined
      ? fromKarpathy(images.map(fieldsOf), wanted, split)
      : fromLists(json)
  if (captions.size === 0) throw new UserError(`Cannot read references: they have no images; ${FORMS}`)
  const without = [...captions].filter(([, texts]) => texts.length === 0).map(([id]) => id)
  refuse('read references', without, 'image', 'without captions', 'leave such images out')
  return captions
}

/**
 * By image id as text: the file name of the image in the parsed JSON of a references file; empty for `{id:
 * [captions]}`. Images without an id are skipped.
 */
export function readFileNames(json: unknown): ReadonlyMap<string, string> {
  const { images } = fieldsOf(json)
  const named = (Array.isArray(images) ? images.map(fieldsOf) : []).flatMap((image) => {
    const { id, file_name, filename, filepath } = image
    if (isText(file_name)) return isId(id) ? [[String(id), file_name] as const] : []
    if (!isText(filename)) return []
    return [[karpathyId(image), isText(filepath) ? `${filepath}/${filename}` : filename] as const]
  })
  return new Map(named)
}

function fromLists(json: unknown): Map<string, readonly string[]> {
  if (!isObject(json)) throw new UserError(`Cannot read references: they are not an object; ${FORMS}`)
  const wrong = Object.keys(json).filter((id) => !areTexts(json[id]))
  refuse('read references', wrong, 'field', 'not a list of captions', FORMS)
  return new Map(Object.entries(json as Record<string, readonly string[]>))
}

function fromCoco(annotations: readonly Fields[], images: readonly Fields[]): Map<string, string[]> {
  refuseEntries('image', images, ({ id }) => isId(id), 'id')
  refuseEntries('annotation', annotations, ({ image_id }) => isId(image_id), 'image_id')
  refuseEntries('annotation', annotations, ({ caption }) => isText(caption), 'caption')
  const captions = new Map<string, string[]>(images.map(({ id }) => [String(id), []]))
  for (const { image_id, caption } of annotations) append(captions, String(image_id), [caption as string])
  return captions
}

function fromKarpathy(images: readonly Fields[], wanted: Iterable<string>, split?: string): Map<string, string[]> {
  refuseEntries('image', images, ({ split }) => SPLITS.has(split), 'split train, restval, val or test')
  refuseEntries('image', images, ({ cocoid, filename }) => isId(cocoid ?? filename), 'cocoid or filename')
  refuseEntries('image', images, (image) => areTexts(rawSentences(image)), 'raw sentences')
  const bySplit = new Map<string, Map<string, string[]>>()
  for (const image of images) {
    const name = SPLITS.get(image.split)!
    const captions = bySplit.get(name) ?? new Map<string, string[]>()
    bySplit.set(name, captions)
    append(captions, karpathyId(image), rawSentences(image) as string[])
  }
  const chosen = split ?? splitOf(bySplit, wanted)
  const captions = bySplit.get(chosen)
  if (!captions)
    throw new UserError(
      `Cannot read references: they have no split "${chosen}"; choose one of ${[...bySplit.keys()].join(', ')}`,
    )
  return captions
}

/** The split of the first wanted image that the file has. */
function splitOf(bySplit: ReadonlyMap<string, CaptionsById>, wanted: Iterable<string>): string {
  for (const id of wanted) for (const [split, captions] of bySplit) if (captions.has(id)) return split
  throw new UserError(
    'Cannot score results: none of their images is among the references; give the references of their data set',
  )
}

/**
 * The id of an image in Karpathy's file. Flickr's images have no number; their id is the file name without extension.
 */
function karpathyId({ cocoid, filename }: Fields): string {
  return isId(cocoid) ? String(cocoid) : String(filename).replace(/\.[^.]*$/, '')
}

/** The raw captions of an image in Karpathy's file, not validated. */
function rawSentences({ sentences }: Fields): unknown {
  return Array.isArray(sentences) ? sentences.map((sentence) => fieldsOf(sentence).raw) : sentences
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}

function append(captions: Map<string, string[]>, id: string, texts: readonly string[]): void {
  const list = captions.get(id)
  if (list) list.push(...texts)
  else captions.set(id, [...texts])
}

/** Throws UserError if there are entries without the wanted field. */
function refuseEntries(
  noun: string,
  entries: readonly Fields[],
  test: (entry: Fields) => boolean,
  wanted: string,
): void {
  refuseIndices('read references', failing(entries, test), noun, `without ${wanted}`, FORMS)
}
