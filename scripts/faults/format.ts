import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

/** A format that is read: files that are right, and how they are read. */
export interface Format {
  readonly name: string
  /** the path of the file in the folder that it is read from */
  readonly file: string
  /** Returns files that are right; writes what is read with them into the folder. */
  originals(folder: string): Promise<readonly Uint8Array[]>
  /** Reads the file at a path. Throws UserError, which names the file unless `unnamed`, if it is wrong. */
  read(path: string): Promise<unknown>
  /** the caller of the reader adds the name of the file to its errors */
  readonly unnamed?: true
  /** it is text that JSON.parse() takes, or a line of it for each record: mutants have other values, too */
  readonly json?: 'whole' | 'lines'
  /** a part of the file, cut after any byte, may be a file of fewer records */
  readonly lines?: true
  /** Says what is wrong with the result of a mutant; `right` is that of its original. */
  wrong?(mutant: Mutant, result: unknown, right: unknown): string | undefined
}

/** A mutant as it was read. */
export interface Mutant {
  readonly bytes: Uint8Array
  readonly original: Uint8Array
}

/** Writes a mutant where its reader expects it; returns its path. */
export async function place(folder: string, { file }: Format, bytes: Uint8Array): Promise<string> {
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  return path
}

/** Text, or a value as JSON, as bytes. */
export const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** Whether two results are equal: numbers, NaN included, and arrays of them by their values. */
export const equal = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b)

/** The text of bytes as JSON.parse() reads it, undefined if it does not. */
export function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** The path of a value that both JSON values have and that differs, as in `.words[3]`; undefined if there is none. */
export function disagreement(a: unknown, b: unknown, path = ''): string | undefined {
  if (a === undefined || b === undefined) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Object.is(a, b) || (a === 0 && b === 0) ? undefined : path || 'the value'
  if (Array.isArray(a) !== Array.isArray(b) || (Array.isArray(a) && a.length !== (b as unknown[]).length)) return path
  for (const key of Object.keys(a)) {
    if (!Object.hasOwn(b, key)) continue
    const found = disagreement(a[key as never], b[key as never], `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}
