import { thousands } from '../wording.ts'
import { visible } from './visible.ts'

/** An image as a file names it. */
export interface NamedImage {
  /** The image id as text: exact, digit by digit. */
  readonly id: string
  /** File name of the image, perhaps with folders. */
  readonly file?: string | undefined
  /** Karpathy's running number of the image, which results of his code have in place of the id. */
  readonly imgid?: string | undefined
}

/** How the ids of one file name the images of another. */
export interface IdMatch {
  /** By id of the asked image: the id of the known image. */
  readonly ids: ReadonlyMap<string, string>
  /** How ids that are not equal were matched, in a sentence; undefined if all are equal. */
  readonly note?: string
  /** A way that is not safe and would match nearly all, if ids are missing in `ids`; for an error message. */
  readonly hint?: string
}

/** A way to match ids: images with the same key are the same. */
interface Way {
  /** Continues "matched" and "would match". */
  readonly how: string
  readonly asked: (image: NamedImage) => string | undefined
  readonly known: (image: NamedImage) => string | undefined
  /** Two images cannot have the same key by chance, so that a complete match is used without asking. */
  readonly safe: boolean
  /** What to do where the way is not safe. */
  readonly advice?: string
}

const PICTURE_ENDING = /\.(jpe?g|png|gif|bmp|webp|tiff?|npy|npz)$/i

/** A file name without its folders; backslashes separate folders too. */
export const baseName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)

/** A file name without its folders and the ending of a picture, in composed characters (macOS decomposes them). */
export const stemOf = (path: string): string => baseName(path.trim()).replace(PICTURE_ENDING, '').normalize()

/** The number of an id of digits without leading zeros, and without the ".0" of pandas; undefined for other ids. */
export const numberOf = (id: string): string | undefined => /^\s*0*(\d+?)(?:\.0)?\s*$/.exec(id)?.[1]

/**
 * The image id in a name of COCO: `COCO_val2014_000000391895.jpg`, `000000391895.jpg`, `coco_391895`; undefined for
 * other names.
 */
export const cocoNumberOf = (name: string): string | undefined =>
  /^(?:coco_(?:[a-z]+\d*_)?|(?=\d{12}$))0*(\d+)$/i.exec(stemOf(name))?.[1]

const lower = (text: string | undefined): string | undefined => text?.toLowerCase()

const WAYS: readonly Way[] = [
  {
    how: 'as numbers, without leading zeros',
    asked: ({ id }) => numberOf(id),
    known: ({ id }) => numberOf(id),
    safe: true,
  },
  {
    how: 'by file name, without folders and ending',
    asked: ({ id }) => stemOf(id),
    known: ({ id, file }) => stemOf(file ?? id),
    safe: true,
  },
  {
    how: 'by id, without folders and ending',
    asked: ({ id }) => stemOf(id),
    known: ({ id }) => stemOf(id),
    safe: true,
  },
  {
    how: 'by the number in the COCO file name',
    asked: ({ id }) => numberOf(id) ?? cocoNumberOf(id),
    known: ({ id, file }) => numberOf(id) ?? cocoNumberOf(id) ?? (file === undefined ? undefined : cocoNumberOf(file)),
    safe: true,
  },
  {
    how: 'by the file name in both files',
    asked: ({ file }) => (file === undefined ? undefined : stemOf(file)),
    known: ({ file, id }) => stemOf(file ?? id),
    safe: true,
  },
  {
    how: 'by the number in the COCO file name in both files',
    asked: ({ file }) => (file === undefined ? undefined : cocoNumberOf(file)),
    known: ({ id, file }) => numberOf(id) ?? cocoNumberOf(file ?? id),
    safe: true,
  },
  {
    how: "by Karpathy's imgid",
    asked: ({ id }) => numberOf(id),
    known: ({ imgid }) => imgid,
    safe: false,
    advice: 'write the cocoid in place of the imgid',
  },
  {
    how: 'in any case of the letters',
    asked: ({ id }) => lower(stemOf(id)),
    known: ({ id, file }) => lower(stemOf(file ?? id)),
    safe: false,
    advice: 'write the ids as the references have them',
  },
  {
    how: 'by the last number in the id',
    asked: ({ id }) => numberOf(/\d+(?=\D*$)/.exec(stemOf(id))?.[0] ?? ''),
    known: ({ id }) => numberOf(id),
    safe: false,
    advice: 'write the ids as the references have them',
  },
]

/** The part of the asked ids that a way must match to be proposed. */
const NEARLY_ALL = 0.9

/**
 * Finds the known image of each asked one. Ids that are equal are the same image. If some are missing, and one of the
 * safe ways (leading zeros, file names, COCO's names) matches nearly all of them one to one and agrees with the equal
 * ids, it is used, and `note` says so; if another way would match nearly all, `hint` says which.
 */
export function matchIds(asked: Iterable<NamedImage>, known: Iterable<NamedImage>): IdMatch {
  const askedImages = [...asked]
  const knownImages = [...known]
  const knownIds = new Set(knownImages.map(({ id }) => id))
  const equal = new Map(askedImages.flatMap(({ id }) => (knownIds.has(id) ? [[id, id] as const] : [])))
  if (equal.size === askedImages.length) return { ids: equal }
  let best: { way: Way; ids: ReadonlyMap<string, string> } | undefined
  for (const way of WAYS) {
    const ids = applyWay(way, askedImages, knownImages, equal)
    if (ids && ids.size > (best?.ids.size ?? equal.size)) best = { way, ids }
  }
  if (!best || best.ids.size < NEARLY_ALL * askedImages.length) return { ids: equal }
  const { way, ids } = best
  if (way.safe) return { ids, note: `Image ids are matched ${way.how}: ${example(ids)}.` }
  const part = ids.size === askedImages.length ? 'all' : `${thousands(ids.size)} of ${thousands(askedImages.length)}`
  return { ids: equal, hint: `${part} would match ${way.how} (${example(ids)}): ${way.advice}` }
}

/** An example of matched ids that are not equal: `"000000391895" is 391895`. */
function example(ids: ReadonlyMap<string, string>): string {
  const [asked, known] = [...ids].find(([asked, known]) => asked !== known)!
  return `${visible(asked)} is ${visible(known)}`
}

/** The ids that a way matches; undefined unless it is one to one and agrees with the equal ids. */
function applyWay(
  way: Way,
  asked: readonly NamedImage[],
  known: readonly NamedImage[],
  equal: ReadonlyMap<string, string>,
): Map<string, string> | undefined {
  const byKey = new Map<string, string | null>()
  for (const image of known) {
    const key = way.known(image)
    if (key !== undefined) byKey.set(key, byKey.has(key) && byKey.get(key) !== image.id ? null : image.id)
  }
  const ids = new Map<string, string>()
  const taken = new Set<string>()
  for (const image of asked) {
    const key = way.asked(image)
    const id = key === undefined ? equal.get(image.id) : (byKey.get(key) ?? equal.get(image.id))
    if (id === undefined) continue
    if (taken.has(id) || (way.safe && (equal.get(image.id) ?? id) !== id)) return undefined
    taken.add(id)
    ids.set(image.id, id)
  }
  return ids
}
