import { UserError } from '../errors.ts'
import { shortened, show } from '../wording.ts'
import { type Fields, fieldsOf, isId, isObject, type RecordNames, recordNames } from './fields.ts'
import type { AnnotationFile } from './file.ts'
import { stemOf } from './ids.ts'
import { refuse } from './refuse.ts'
import { visible } from './visible.ts'

/** A record of a file in any form: an image, and captions of it. Nothing is validated yet. */
export interface Entry {
  readonly id: unknown
  /** Strings where the file is right. */
  readonly captions: readonly unknown[]
  readonly file?: unknown
  readonly imgid?: unknown
  readonly split?: unknown
  /** VizWiz: the caption was rejected, or is the canned one for a picture that shows nothing. */
  readonly isRejected?: boolean
  /** Index in the file's list, for messages; undefined for an entry that the id itself locates. */
  readonly index?: number
}

/** The entries of a file and the form that they were read from. */
export interface Entries {
  /** In words, as in "list of {image_id, caption}". */
  readonly form: string
  readonly entries: readonly Entry[]
}

/** The forms of references, for messages. */
export const REFERENCE_FORMS =
  'give COCO annotations, Karpathy\'s dataset file, {"image id": ["caption", ...]} or [{"image_id": 1, "caption": "a dog"}]'
/** The forms of results, for messages. */
export const RESULT_FORMS = 'results are a list of {"image_id": 1, "caption": "a dog"} or a map {"1": "a dog"}'

/**
 * Reads the entries of a file of references or results, whose form it recognises by the fields. `forms` ends error
 * messages. Throws UserError, with what the file has instead, for another form.
 */
export function readEntries(file: AnnotationFile, forms: string): Entries {
  const { value } = file
  if (Array.isArray(value)) return readList(value, file, forms)
  if (!isObject(value)) throw new UserError(`Cannot read ${file.name}: it is ${show(value)}; ${forms}`)
  const { annotations, images, captions } = value
  if (Array.isArray(annotations)) return readCoco(annotations, Array.isArray(images) ? images : [], file, forms)
  if (Array.isArray(images) && fieldsOf(images[0]).sentences !== undefined) return readKarpathy(images)
  if (Array.isArray(captions) && captions.every(isObject))
    return { form: 'output of mia caption', entries: readList(captions, file, forms).entries }
  const wrapped = Object.entries(value).filter(([, list]) => isListOfRecords(list))
  if (wrapped.length === 1) {
    const [key, list] = wrapped[0]!
    const { form, entries } = readList(list as unknown[], file, forms)
    return { form: `${form} in "${visible(shortened(key))}"`, entries }
  }
  const { id, caption } = recordNames(Object.keys(value))
  if (id !== undefined && caption !== undefined) {
    if (isId(value[id])) return readList([value], file, forms)
    const rows = rowsOfColumns(value, id, caption)
    if (rows) return { ...readList(rows, file, forms), form: `columns ${visible(id)}, ${visible(caption)}` }
  }
  if (Array.isArray(images))
    throw new UserError(`Cannot read ${file.name}: it has images, but no captions (no "annotations"); ${forms}`)
  return readMap(value)
}

/**
 * The rows of a table by columns, as pandas' to_json() writes `{"image_id": {"0": 1}, "caption": {"0": "a dog"}}`, or
 * with lists; undefined unless both columns are there and have the same rows.
 */
function rowsOfColumns(table: Fields, id: string, caption: string): Fields[] | undefined {
  const columns = Object.entries(table).filter((column): column is [string, Fields] => typeof column[1] === 'object')
  const [ids, captions] = [table[id], table[caption]]
  if (typeof ids !== 'object' || ids === null || typeof captions !== 'object' || captions === null) return undefined
  const rows = Object.keys(ids)
  if (rows.length === 0 || rows.some((row) => !Object.hasOwn(captions, row))) return undefined
  return rows.map((row) => Object.fromEntries(columns.map(([name, cells]) => [name, cells?.[row]])))
}

/** Whether a value is a list whose first item has an image id and a caption. */
function isListOfRecords(value: unknown): boolean {
  if (!Array.isArray(value) || !isObject(value[0])) return false
  const { id, caption } = recordNames(Object.keys(value[0]))
  return id !== undefined && caption !== undefined
}

/** Entries of `{id: caption}`, `{id: [caption]}`, and `{id: [{caption}]}`. */
function readMap(map: Fields): Entries {
  const entries = Object.entries(map).map(([id, value]) => ({ id, captions: textsOf(value) }))
  const first = Object.values(map)[0]
  const form = Array.isArray(first)
    ? isObject(first[0])
      ? 'map from id to list of {caption}'
      : 'map from id to list of captions'
    : 'map from id to caption'
  return { form, entries }
}

/** Entries of a list of records, of one-key objects, or of Karpathy's images. */
function readList(list: readonly unknown[], file: AnnotationFile, forms: string): Entries {
  const { name, format } = file
  if (list.length === 0) throw new UserError(`Cannot read ${name}: the list is empty; ${forms}`)
  const records = list.map(fieldsOf)
  const { sentences, cocoid, filename } = records[0]!
  if (Array.isArray(sentences) && (isId(cocoid) || isId(filename))) return readKarpathy(list)
  const sample = records.find((record) => hasBoth(recordNames(Object.keys(record))))
  if (!sample) {
    if (records.every(isOfOneId))
      return {
        form: 'list of {id: caption}',
        entries: records.flatMap((record) => readMap(record).entries),
      }
    refuseList(list, file, forms)
  }
  const names = recordNames(Object.keys(sample))
  const form = format === 'JSON' ? 'list of' : `${format} of`
  return {
    form: `${form} {${visible(names.id!)}, ${visible(names.caption!)}}`,
    entries: records.map((record, index) => readRecord(record, names, index)),
  }
}

const hasBoth = ({ id, caption }: RecordNames): boolean => id !== undefined && caption !== undefined

/** Whether a record is `{id: caption}`: its only field has captions, and is not itself called "caption". */
function isOfOneId(record: Fields): boolean {
  const keys = Object.keys(record)
  return keys.length === 1 && recordNames(keys).caption === undefined && isCaptions(record[keys[0]!])
}

const isCaptions = (value: unknown): boolean =>
  textsOf(value).length > 0 && textsOf(value).every((text) => typeof text === 'string')

/** The entry of a record; fields that other records of the file have under another name are found too. */
function readRecord(record: Fields, usual: RecordNames, index: number): Entry {
  const isUsual = usual.id !== undefined && record[usual.id] !== undefined && record[usual.caption!] !== undefined
  const { id, caption, file } = isUsual ? usual : recordNames(Object.keys(record))
  return {
    id: id === undefined ? undefined : record[id],
    captions: caption === undefined ? [undefined] : textsOf(record[caption]),
    file: file === undefined ? undefined : record[file],
    split: record.split,
    isRejected: isRejected(record),
    index,
  }
}

const isRejected = ({ is_rejected, is_precanned }: Fields): boolean =>
  [is_rejected, is_precanned].some((flag) => flag === true || flag === 1)

function readCoco(
  annotations: readonly unknown[],
  images: readonly unknown[],
  file: AnnotationFile,
  forms: string,
): Entries {
  const ofImages = images
    .map(fieldsOf)
    .map(({ id, file_name }, index) => ({ id, captions: [], file: file_name, index }))
  if (ofImages.some(({ id }) => !isId(id))) {
    const places = ofImages.flatMap(({ id }, index) => (isId(id) ? [] : [index]))
    refuse(`read ${file.name}`, file.places(places), 'image', 'without id', forms)
  }
  const ofAnnotations = annotations.map(fieldsOf).map(
    (annotation, index): Entry => ({
      id: annotation.image_id,
      captions: textsOf(annotation.caption),
      isRejected: isRejected(annotation),
      index,
    }),
  )
  return { form: 'COCO annotations', entries: [...ofImages, ...ofAnnotations] }
}

/** Flickr's images have no number; their id is the file name without its ending. */
function readKarpathy(images: readonly unknown[]): Entries {
  const entries = images.map(fieldsOf).map(({ cocoid, imgid, filename, filepath, split, sentences }, index): Entry => {
    const isNamed = typeof filename === 'string' && filename.trim() !== ''
    const folder = typeof filepath === 'string' && filepath !== '' ? `${filepath}/` : ''
    return {
      id: isId(cocoid) || !isNamed ? cocoid : stemOf(filename),
      captions: textsOf(sentences),
      file: isNamed ? folder + filename : undefined,
      imgid,
      split,
      index,
    }
  })
  return { form: "Karpathy's dataset file", entries }
}

/** The captions in a value: a string, `{caption}` (or raw, or text), or a list of these; other values are kept. */
export function textsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => (Array.isArray(item) ? [item] : textsOf(item)))
  if (!isObject(value)) return [value]
  const { caption } = recordNames(Object.keys(value))
  if (caption === undefined) return [value]
  return Array.isArray(value[caption]) ? value[caption].slice() : [value[caption]]
}

/** Throws UserError that says what the list has instead of image ids and captions. */
function refuseList(list: readonly unknown[], file: AnnotationFile, forms: string): never {
  const first = list.find(isObject)
  if (!first) throw new UserError(`Cannot read ${file.name}: it is a list of ${show(list[0])}; ${forms}`)
  const names = recordNames(Object.keys(first))
  const fault = names.id === undefined ? 'image id' : 'caption'
  const fields = Object.keys(first)
    .slice(0, 5)
    .map((key) => visible(shortened(key)))
  throw new UserError(
    `Cannot read ${file.name}: ${file.places([list.indexOf(first)])[0]} has no ${fault}, ` +
      `only the fields ${fields.join(', ') || '(none)'}; ${forms}`,
  )
}
