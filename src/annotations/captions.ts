import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { isId, isText } from './fields.ts'
import type { AnnotationFile } from './file.ts'
import { type Entry, REFERENCE_FORMS, RESULT_FORMS, readEntries } from './forms.ts'
import type { NamedImage } from './ids.ts'
import { refuse } from './refuse.ts'
import { visible } from './visible.ts'

/** An image of a file, with its captions. */
export interface CaptionedImage extends NamedImage {
  /** The id as the file has it; `id` is its text. */
  readonly given: string | number
  /** In the order of the file; may be empty in references. */
  readonly captions: readonly string[]
  /** The split as the file has it, as in "restval". */
  readonly split?: string | undefined
}

/** The captions of a file of references or results. */
export interface CaptionFile {
  /** Names the file in messages, as in `results "a.json"`. */
  readonly name: string
  /** The form that was recognised, as in "list of {image_id, caption}, gzip". */
  readonly form: string
  /** By id as text, in the order of the file. */
  readonly images: ReadonlyMap<string, CaptionedImage>
  /** What was left out, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Reads references in any form. Captions that are null or blank are left out, and so are those that VizWiz rejected or
 * that are canned, as VizWiz's own evaluation does; `notes` counts them. Images may be without captions. Throws
 * UserError for another form, for entries without an image id, and for captions that are not text.
 */
export function readReferences(file: AnnotationFile): CaptionFile {
  const { form, entries } = readEntries(file, REFERENCE_FORMS)
  const kept = entries.map((entry) => (entry.isRejected ? { ...entry, captions: [] } : entry))
  checkEntries(file, kept, REFERENCE_FORMS, (caption) => caption == null || typeof caption === 'string')
  const images = collect(kept, isText)
  if (images.size === 0) throw new UserError(`Cannot read ${file.name}: it has no images; ${REFERENCE_FORMS}`)
  const rejected = entries.filter((entry) => entry.isRejected).length
  const empty = kept.reduce((sum, { captions }) => sum + captions.filter((caption) => !isText(caption)).length, 0)
  const notes: string[] = []
  if (rejected > 0)
    notes.push(
      `Left out ${counted(rejected, 'caption')} of the ${file.name} marked as rejected or precanned, as VizWiz does.`,
    )
  if (empty > 0) notes.push(`Left out ${counted(empty, 'caption')} of the ${file.name}: null or empty.`)
  return { name: file.name, form: described(form, file), images, notes }
}

/** Options of readResults(). */
export interface ResultOptions {
  /** Accepts several captions per image. */
  readonly several: boolean
  /** Accepts blank captions, and null as a blank one. */
  readonly emptyAsZero: boolean
}

/**
 * Reads results in any form; every image has a caption. Throws UserError for another form, for entries without image
 * id or caption, for images with several captions unless `several`, and for blank captions unless `emptyAsZero`: a
 * model may generate an empty caption, but more often it is a mistake.
 */
export function readResults(file: AnnotationFile, { several, emptyAsZero }: ResultOptions): CaptionFile {
  const { form, entries } = readEntries(file, RESULT_FORMS)
  const isCaption = (caption: unknown): boolean => typeof caption === 'string' || (emptyAsZero && caption === null)
  checkEntries(file, entries, RESULT_FORMS, isCaption)
  const images = collect(entries, () => true)
  if (images.size === 0) throw new UserError(`Cannot read ${file.name}: it has no captions; ${RESULT_FORMS}`)
  const idsOf = (test: (image: CaptionedImage) => boolean) => [...images.values()].filter(test).map(({ id }) => id)
  const empty = emptyAsZero ? [] : idsOf(({ captions }) => !captions.every(isText))
  const action = `score ${file.name}`
  refuse(action, empty, 'image', 'with an empty caption', 'give it one, or score it 0 with --empty-as-zero')
  const twice = several ? [] : idsOf(({ captions }) => captions.length > 1)
  refuse(
    action,
    twice,
    'image',
    'with more than one caption',
    `give one for each image, or score the first with --several${
      form === 'COCO annotations' ? '; these are COCO annotations, which are references' : ''
    }`,
  )
  return { name: file.name, form: described(form, file), images, notes: [] }
}

const described = (form: string, { wrapping, format }: AnnotationFile): string =>
  [form, ...(format !== 'JSON' && !form.startsWith(format) ? [format] : []), ...wrapping].join(', ')

/** Throws UserError if entries have no image id, an id that lost digits, or captions for which `isCaption` is false. */
function checkEntries(
  file: AnnotationFile,
  entries: readonly Entry[],
  forms: string,
  isCaption: (caption: unknown) => boolean,
): void {
  const action = `read ${file.name}`
  const places = (wrong: readonly Entry[]): readonly string[] =>
    wrong.every(({ index }) => index !== undefined)
      ? file.places(wrong.map(({ index }) => index!))
      : wrong.map(({ id }) => String(id))
  const withoutId = entries.filter(({ id }) => !isId(id))
  refuse(action, places(withoutId), 'entry', 'without an image id', forms)
  const rounded = entries.filter(({ id }) => Number.isInteger(id) && !Number.isSafeInteger(id))
  refuse(
    action,
    rounded.map(({ id }) => String(id)),
    'image id',
    'beyond 2^53, which JSON.parse rounds',
    'give the ids as text, or give the bytes of the file to readAnnotationFile()',
  )
  const wrong = entries.filter(({ captions }) => !captions.every(isCaption))
  const isNoMap =
    wrong.length > 0 && entries.every(({ index, captions }) => index === undefined && !captions.some(isText))
  if (isNoMap)
    throw new UserError(
      `Cannot ${action}: it is an object with the fields ` +
        `${firstFew(wrong.map(({ id }) => visible(String(id))))}, which are not captions; ${forms}`,
    )
  refuse(action, places(wrong), 'entry', 'without a caption', forms)
}

/** The images of the entries, each with those of its captions for which `isKept` is true. */
function collect(entries: readonly Entry[], isKept: (caption: unknown) => boolean): Map<string, CaptionedImage> {
  const images = new Map<string, CaptionedImage & { readonly captions: string[] }>()
  for (const { id: given, captions, file, imgid, split } of entries) {
    const id = String(given)
    let image = images.get(id)
    if (!image) {
      image = {
        id,
        given: given as string | number,
        captions: [],
        ...(isText(file) && { file }),
        ...(isId(imgid) && { imgid: String(imgid) }),
        ...(isText(split) && { split }),
      }
      images.set(id, image)
    }
    for (const caption of captions) if (isKept(caption)) image.captions.push((caption as string | null) ?? '')
  }
  return images
}
