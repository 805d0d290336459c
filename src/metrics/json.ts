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

/** Whether the value can be an image id: a number or a string that is not blank. */
export function isId(value: unknown): value is string | number {
  return typeof value === 'number' || isText(value)
}

/** The indices of the items for which `test` is false. */
export function failing<T>(items: readonly T[], test: (item: T) => boolean): number[] {
  return items.flatMap((item, index) => (test(item) ? [] : [index]))
}
