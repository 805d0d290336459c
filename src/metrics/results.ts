import { UserError } from '../errors.ts'
import { failing, fieldsOf, isId, isText } from './json.ts'
import { refuse, refuseIndices } from './refuse.ts'

/** One caption of a results file. */
export interface Result {
  readonly image_id: string | number
  readonly caption: string
}

const FORM = 'results are a list of {"image_id": 1, "caption": "a dog"}'

/** Options of readResults(). */
export interface ResultsOptions {
  /** Accepts several captions per image. */
  readonly several: boolean
  /** Accepts blank captions. */
  readonly emptyAsZero: boolean
}

/** By image id as text: its captions, at least one. */
export type ResultsById = ReadonlyMap<string, readonly Result[]>

/**
 * Reads COCO results, `[{image_id, caption}]`, from parsed JSON. Throws UserError for another format, for captions that
 * are not strings, for images with several captions unless `several`, and for blank captions unless `emptyAsZero`: a
 * model may generate an empty caption, but more often it is a mistake.
 */
export function readResults(json: unknown, { several, emptyAsZero }: ResultsOptions): ResultsById {
  if (!Array.isArray(json)) throw new UserError(`Cannot read results: they are not a list; ${FORM}`)
  if (json.length === 0) throw new UserError(`Cannot read results: the list is empty; ${FORM}`)
  const entries = json.map(fieldsOf)
  const withoutId = failing(entries, ({ image_id }) => isId(image_id))
  refuseIndices('read results', withoutId, 'entry', 'without an image id', FORM)
  const withoutCaption = failing(entries, ({ caption }) => typeof caption === 'string')
  refuseIndices('read results', withoutCaption, 'entry', 'without a caption', FORM)
  const results = entries as unknown as readonly Result[]
  const empty = emptyAsZero ? [] : results.filter(({ caption }) => !isText(caption)).map(({ image_id }) => image_id)
  refuse('score results', empty, 'image', 'with an empty caption', 'give it one, or score it 0 with --empty-as-zero')
  const byId = new Map<string, Result[]>()
  for (const result of results) {
    const id = String(result.image_id)
    const others = byId.get(id)
    if (others) others.push(result)
    else byId.set(id, [result])
  }
  const twice = several ? [] : [...byId].filter(([, captions]) => captions.length > 1).map(([id]) => id)
  refuse(
    'score results',
    twice,
    'image',
    'with more than one caption',
    'give one for each image, or score the first with --several',
  )
  return byId
}
