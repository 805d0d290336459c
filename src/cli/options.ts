import { UsageError } from '../errors.ts'

/** An option or argument of a command: what the help says of it, and how its text becomes a value of type `T`. */
export interface Option<T> {
  readonly help: string
  /** The value's name in the help, as in `--out <folder>`; a switch has none. */
  readonly value?: string
  /** Throws UsageError that says what it must be. */
  readonly parse?: (text: string) => T
  readonly settings: Settings<T>
}

export interface Settings<T> {
  readonly default?: T
  readonly required?: true
  readonly choices?: readonly string[]
  /** Takes every argument that is left. */
  readonly many?: true
  /** The heading under which `--help` lists it. */
  readonly group?: string
}

/** The value that `settings` promise: never undefined where there is a default or it must be given. */
type Given<T, S> = S extends { required: true } | { default: T } ? T : T | undefined

type Make<T> = <const S extends Settings<T> = Settings<T>>(
  value: string,
  help: string,
  settings?: S,
) => Option<Given<T, S>>

const make =
  <T>(parse: (text: string) => T): Make<T> =>
  (value, help, settings) =>
    ({ value, help, parse, settings: settings ?? {} }) as never

/** A text: a path, a name. */
export const text = make((given) => given)

/** A whole number of at least 0. */
export const count = make((given) => number(given, 'a whole number', /^\d+$/))

/** A whole number of at least 1. */
export const positive = make((given) => number(given, 'a whole number of at least 1', /^0*[1-9]\d*$/))

/** A number of at least 0, such as 5e-4. */
export const rate = make((given) => number(given, 'a number of at least 0', /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i))

/** A number from 0 to 1. */
export const fraction = make((given) => part(given, 'a number from 0 to 1', (parsed) => parsed <= 1))

/** A number from 0 to below 1: of dropout, which must leave something. */
export const portion = make((given) => part(given, 'a number from 0 to below 1', (parsed) => parsed < 1))

/** Names with commas between them. */
export const list = make((given) => given.split(',').map((name) => name.trim()))

/** One of `choices`. */
export const choice = <const C extends string, const S extends Settings<C> = Settings<C>>(
  value: string,
  help: string,
  choices: readonly C[],
  settings?: S,
): Option<Given<C, S>> => ({ value, help, settings: { ...settings, choices } }) as never

/** Every argument that is left, at least one. */
export const many = (help: string): Option<readonly string[]> => ({ help, settings: { required: true, many: true } })

/** Off unless given. */
export const flag = (help: string, settings: Settings<boolean> = {}): Option<boolean> => ({
  help,
  settings: { default: false, ...settings },
})

function part(given: string, wanted: string, fits: (parsed: number) => boolean): number {
  const parsed = Number(given)
  if (given.trim() === '' || !(parsed >= 0 && fits(parsed))) throw new UsageError(`It must be ${wanted}.`)
  return parsed
}

function number(given: string, wanted: string, pattern: RegExp): number {
  if (!pattern.test(given)) throw new UsageError(`It must be ${wanted}.`)
  return Number(given)
}
