import { UserError } from '../errors.ts'
import { failing, fieldsOf, isId, isText } from './json.ts'
import { refuse } from './refuse.ts'

/** One caption of a results file. */
export interface Result {
  readonly image_id: string | number
  readonly caption: string
}

const FORM = 'results are a list of {"image_id": 1, "caption": "a dog"}'

export interface ResultsOptions {
  /** may an image have more than one caption? */
  readonly several: boolean
  /** may a caption have nothing but space? */
  readonly emptyAsZero: boolean
}

/** By image id, as text: its captions, at least one. */
export type ResultsById = ReadonlyMap<string, readonly Result[]>

/**
 * COCO's results, `[{image_id, caption}]`, by image id as text.
 * A model may say nothing, and that scores 0: where `emptyAsZero` says so, for it is more often a mistake.
 * Throws UserError for another form, for captions that are no text, and for images with several.
 */
export function readResults(json: unknown, { several, emptyAsZero }: ResultsOptions): ResultsById {
  if (!Array.isArray(json)) throw new UserError(`Cannot read results: they are no list; ${FORM}`)
  if (json.length === 0) throw new UserError(`Cannot read results: the list is empty; ${FORM}`)
  const entries = json.map(fieldsOf)
  const refuseEntries = (wrong: number[], fault: string): void => refuse('read results', wrong, 'entry', fault, FORM)
  refuseEntries(
    failing(entries, ({ image_id }) => isId(image_id)),
    'without an image id, counted from 0',
  )
  refuseEntries(
    failing(entries, ({ caption }) => typeof caption === 'string'),
    'without a caption, counted from 0',
  )
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
  refuse('score results', twice, 'image', 'with more than one caption', 'give one for each image, or ask for --several')
  return byId
}
