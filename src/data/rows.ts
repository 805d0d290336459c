import { UserError } from '../errors.ts'
import { show } from '../wording.ts'

/**
 * A record of a JSON file, read field by field. A field of another type throws UserError with file, record, field and
 * value. Datasets have 600,000 records, so nothing is copied, and the position of a record is formatted only for an
 * error.
 */
export class Row {
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #locate: (field: string) => string

  /**
   * `locate` returns the start of an error message about a field, as in `Cannot read "a.json": images[3].id`, and about
   * the record itself for ''. Throws UserError if `value` is not an object.
   */
  constructor(value: unknown, locate: (field: string) => string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UserError(`${locate('')} is ${show(value)} and should be an object`)
    }
    this.#fields = value as Record<string, unknown>
    this.#locate = locate
  }

  /** The string in a field. Throws UserError for another type. */
  text(field: string): string {
    const value = this.#fields[field]
    return typeof value === 'string' ? value : this.wrong(field, 'a string')
  }

  /** The safe integer in a field. Throws UserError for another type. */
  integer(field: string): number {
    const value = this.#fields[field]
    return Number.isSafeInteger(value) ? (value as number) : this.wrong(field, 'an integer')
  }

  /** The string in a field, "" for null. Throws UserError for another type. */
  textOrNull(field: string): string {
    return this.#fields[field] === null ? '' : this.text(field)
  }

  /** The image id in a field as text: an integer, or text that is not blank. Throws UserError for another type. */
  id(field: string): string {
    const value = this.#fields[field]
    if (typeof value === 'string' && value.trim() !== '') return value
    return Number.isSafeInteger(value) ? String(value) : this.wrong(field, 'an integer or text')
  }

  /** Whether a field is true, or 1 as some programs write it. */
  isTrue(field: string): boolean {
    const value = this.#fields[field]
    return value === true || value === 1
  }

  /** The string in a field, one of `choices`. Throws UserError for another value. */
  oneOf<T extends string>(field: string, choices: readonly T[]): T {
    const value = this.#fields[field]
    return choices.includes(value as T) ? (value as T) : this.wrong(field, `one of ${choices.join(', ')}`)
  }

  /** Whether the record has a field. */
  has(field: string): boolean {
    return this.#fields[field] !== undefined
  }

  /** The records of an array in a field. Throws UserError for another type. */
  *rows(field: string): Generator<Row> {
    const list = this.#fields[field]
    if (!Array.isArray(list)) return this.wrong(field, 'an array')
    for (let i = 0; i < list.length; i++) {
      yield new Row(list[i], (inner) => this.#locate(inner ? `${field}[${i}].${inner}` : `${field}[${i}]`))
    }
  }

  /** Throws UserError with the value of a field and what it should be. */
  wrong(field: string, wanted: string): never {
    throw new UserError(`${this.#locate(field)} is ${show(this.#fields[field])} and should be ${wanted}`)
  }
}
