/** A parsed JSON object with unknown fields. */
export type Fields = Readonly<Record<string, unknown>>

/** Whether the value is an object, neither null nor an array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value if it is an object, otherwise an object without fields. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}

/** Whether the value is a string with more than white space. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

/** Whether the value can be an image id: a finite number or a string that is not blank. */
export function isId(value: unknown): value is string | number {
  return typeof value === 'number' ? Number.isFinite(value) : isText(value)
}

/** Names of fields and columns with the image's id or file, by preference: `id` may be the id of the annotation. */
const ID_NAMES =
  'image_id img_id coco_id image_name image file_name image_file file file_path image_path img path filename name ' +
  'question_id sample_id id key'
/** Names of fields and columns with the image's file. */
const FILE_NAMES = 'image_name image file_name image_file file file_path image_path img path filename name'
/** Names of fields and columns with captions, by preference. */
const CAPTION_NAMES =
  'caption captions text raw sentence sentences comment description prediction pred predicted_caption ' +
  'generated_caption generated output answer response hypothesis candidate references'

const normalised = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '')
const [IDS, FILES, CAPTIONS] = [ID_NAMES, FILE_NAMES, CAPTION_NAMES].map((names) =>
  names.split(' ').map(normalised),
) as [string[], string[], string[]]

/** The fields of a record that name its image and hold its captions, as they are spelt; undefined if there is none. */
export interface RecordNames {
  readonly id: string | undefined
  readonly file: string | undefined
  readonly caption: string | undefined
}

/** Finds the fields or columns with image and caption by their names, in any order, case and with or without `_`. */
export function recordNames(names: readonly string[]): RecordNames {
  const spelt = new Map(names.map((name) => [normalised(name), name]))
  const first = (known: readonly string[]): string | undefined => {
    const found = known.find((name) => spelt.has(name))
    return found === undefined ? undefined : spelt.get(found)
  }
  return { id: first(IDS), file: first(FILES), caption: first(CAPTIONS) }
}
