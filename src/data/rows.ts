import { UserError } from '../errors.ts'

/**
 * A record of a JSON file, read field by field: a field of another kind is a UserError that names file, record, field
 * and value. Data sets have 600,000 records, so nothing is copied, and a record's place is put in words only for an
 * error.
 */
export class Row {
  private readonly fields: Readonly<Record<string, unknown>>

  /** `begin` starts the message of an error, given the field it is about ('' for the record itself). */
  constructor(
    value: unknown,
    private readonly begin: (field: string) => string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UserError(`${begin('')} is ${show(value)} and should be an object`)
    }
    this.fields = value as Record<string, unknown>
  }

  text(field: string): string {
    const value = this.fields[field]
    return typeof value === 'string' ? value : this.wrong(field, 'text')
  }

  integer(field: string): number {
    const value = this.fields[field]
    return Number.isSafeInteger(value) ? (value as number) : this.wrong(field, 'a whole number')
  }

  oneOf<T extends string>(field: string, choices: readonly T[]): T {
    const value = this.fields[field]
    return choices.includes(value as T) ? (value as T) : this.wrong(field, `one of ${choices.join(', ')}`)
  }

  has(field: string): boolean {
    return this.fields[field] !== undefined
  }

  /** The records of a list, one after the other. */
  *rows(field: string): Generator<Row> {
    const list = this.fields[field]
    if (!Array.isArray(list)) return this.wrong(field, 'a list')
    for (let i = 0; i < list.length; i++) {
      yield new Row(list[i], (inner) => this.begin(inner ? `${field}[${i}].${inner}` : `${field}[${i}]`))
    }
  }

  /** Ends the reading with what the field is and what it should be. */
  wrong(field: string, wanted: string): never {
    throw new UserError(`${this.begin(field)} is ${show(this.fields[field])} and should be ${wanted}`)
  }
}

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
