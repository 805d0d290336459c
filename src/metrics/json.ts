/** An object of JSON whose fields are not known yet. */
export type Fields = Readonly<Record<string, unknown>>

/** Whether the value is an object, neither null nor a list. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object's fields, or none if it is no object. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}

/** Whether the value is text with more in it than space. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

/** Whether the value can name an image: a number or some text. */
export function isId(value: unknown): value is string | number {
  return typeof value === 'number' || isText(value)
}

/** The indices of the items for which `test` is false. */
export function failing<T>(items: readonly T[], test: (item: T) => boolean): number[] {
  return items.flatMap((item, index) => (test(item) ? [] : [index]))
}
