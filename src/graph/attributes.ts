import type { Attrs } from './tensor.ts'

/** Attributes as JSON that distinguishes all numbers: plain JSON writes ±Infinity and NaN as null and -0 as 0. */
export const attributesText = (attrs: Attrs): string =>
  JSON.stringify(attrs, (_, value: unknown) =>
    typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
      ? { number: Object.is(value, -0) ? '-0' : String(value) }
      : value,
  )
