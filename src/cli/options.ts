import { DEVICE_KINDS, type Device, parseDevice } from '../device.ts'
import type { Part } from '../distributed/sharing.ts'
import { UsageError } from '../errors.ts'
import { thousands } from '../wording.ts'

/** An option or argument of a command: its help, and how its text becomes a value of type `T`. */
export interface Option<T> {
  readonly help: string
  /** the name of its value in the help, as in `--out <folder>`; a flag has none */
  readonly value?: string
  /** Throws UsageError, saying what the value must be. */
  readonly parse?: (text: string) => T
  readonly settings: Settings<T>
}

/** What varies between options of the same kind. */
export interface Settings<T> {
  readonly default?: T
  readonly required?: true
  readonly choices?: readonly string[]
  /** the largest number that is accepted */
  readonly max?: number
  /** takes all remaining arguments */
  readonly many?: true
  /** may be given several times: its value is the list of all */
  readonly repeat?: true
  /** the heading in `--help` under which it is listed */
  readonly group?: string
}

/** The type of a value: undefined is part of it unless there is a default or the option is required. */
type Given<T, S> = S extends { required: true } | { default: T } ? T : T | undefined

type Make<T> = <const S extends Settings<T> = Settings<T>>(
  value: string,
  help: string,
  settings?: S,
) => Option<Given<T, S>>

const make =
  <T>(parse: (text: string, settings: Settings<T>) => T): Make<T> =>
  (value, help, settings = {} as never) =>
    ({ value, help, parse: (text: string) => parse(text, settings), settings }) as never

/** Bounds numbers that have no narrower limit: larger ones are mistakes, and could lead to overflow far from here. */
const MAX = 1e6

/** The name on the command line of an option declared as `batchSize`: `batch-size`. */
export const optionName = (key: string): string => key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)

/** Text that is not empty: a path, a name. */
export const text = make<string>((given) => {
  if (given === '') throw new UsageError('It must not be empty.')
  return given
})

/** An integer from 0 to `max`, by default a million. */
export const count = make<number>((given, { max = MAX }) => integer(given, 0, max))

/** An integer from 1 to `max`, by default a million. */
export const positive = make<number>((given, { max = MAX }) => integer(given, 1, max))

/** A random seed: an integer from 0 to 2^53 - 1. */
export const seed = make<number>((given) => integer(given, 0, Number.MAX_SAFE_INTEGER))

/** A number from 0 to a million, such as 5e-4. */
export const rate = make<number>((given) => decimal(given, 'from 0 to 1,000,000', (number) => number <= MAX))

/** A number from 0 to 1. */
export const fraction = make<number>((given) => decimal(given, 'from 0 to 1', (number) => number <= 1))

/** A number above 0 and up to a million, such as a temperature. */
export const positiveRate = make<number>((given) =>
  decimal(given, 'above 0 and up to 1,000,000', (number) => number > 0 && number <= MAX),
)

/** A number from 0 to below 1: a dropout or a decay rate, where 1 would keep or learn nothing. */
export const fractionBelowOne = make<number>((given) =>
  decimal(given, 'of at least 0 and below 1', (number) => number < 1),
)

/** One of several parts of some work, as in "2/8": the second of eight. */
export const part = make<Part>((given) => {
  const [, number, parts] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(given) ?? []
  if (parts === undefined || Number(number) > Number(parts))
    throw new UsageError('It must be a part and the number of parts, as in 2/8: the second of eight.')
  return { index: Number(number) - 1, parts: Number(parts) }
})

/** A device that models run on, such as "webgpu" or "cuda:1". */
export const device = make<Device>((given) => {
  const parsed = parseDevice(given)
  if (!parsed) throw new UsageError(`It must be ${DEVICE_KINDS.join(', ')}, or cuda:n for one of several GPUs.`)
  return parsed
})

/** Names separated by commas. */
export const list = make<string[]>((given) => {
  const names = given.split(',').map((name) => name.trim())
  if (names.includes('')) throw new UsageError('It must be names with commas between them.')
  return names
})

/** One of `choices`. */
export const choice = <const C extends string, const S extends Settings<C> = Settings<C>>(
  value: string,
  help: string,
  choices: readonly C[],
  settings?: S,
): Option<Given<C, S>> => ({ value, help, settings: { ...settings, choices } }) as never

/** All remaining arguments, at least one. */
export const many = (help: string): Option<readonly string[]> => ({ help, settings: { required: true, many: true } })

/** All remaining arguments, perhaps none. */
export const some = (help: string): Option<readonly string[] | undefined> => ({ help, settings: { many: true } })

/** An option that may be given several times: the list of its values, empty without it. */
export const repeated = <T>({ settings, ...option }: Option<T | undefined>): Option<readonly T[]> =>
  ({ ...option, settings: { ...settings, repeat: true, default: [] } }) as never

/** A switch, off by default. */
export const flag = (help: string, settings: Settings<boolean> = {}): Option<boolean> => ({
  help,
  settings: { default: false, ...settings },
})

function integer(given: string, min: number, max: number): number {
  const number = Number(given)
  if (!/^\d+$/.test(given) || number < min || number > max)
    throw new UsageError(`It must be a whole number from ${min} to ${thousands(max)}.`)
  return number
}

function decimal(given: string, range: string, fits: (number: number) => boolean): number {
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) || !fits(Number(given)))
    throw new UsageError(`It must be a number ${range}.`)
  return Number(given)
}
