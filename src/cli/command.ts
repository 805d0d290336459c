import type { Option } from './options.ts'
import type { Answer } from './output.ts'
import type { Reporter } from './reporter.ts'

/** What a running command has: a signal that Ctrl-C aborts, and a voice on stderr. */
export interface Session {
  readonly signal: AbortSignal
  readonly report: Reporter
  /** The names of the options that were given, in camelCase; the others have their defaults. */
  readonly given: readonly string[]
}

type Options = Readonly<Record<string, Option<unknown>>>
/** The values that options promise. */
export type Values<O extends Options> = { readonly [Key in keyof O]: O[Key] extends Option<infer T> ? T : never }

/** One command of `mia`: what `--help` says of it, what it takes, and what it does. */
export interface Command<A extends Options = Options, O extends Options = Options> {
  /** One word, or two for a command of a group, as in `concepts train`. */
  readonly name: string
  /** Its line in the table of contents. */
  readonly summary: string
  readonly description: string
  /** Calls that work, each with what it is for. */
  readonly examples: readonly { readonly call: string; readonly what: string }[]
  /** Positional arguments, in order. */
  readonly arguments?: A
  /** Named in camelCase; `batchSize` is written `--batch-size`. */
  readonly options: O
  /** Does the work. What is heavy is imported here, so that `mia --help` need not load it. */
  readonly run: (values: Values<A> & Values<O>, session: Session) => Promise<Answer>
}

/** Declares a command; the types of the values that `run` gets follow from its arguments and options. */
export const defineCommand = <const A extends Options = Record<never, never>, const O extends Options = Options>(
  command: Command<A, O>,
): Command => command as unknown as Command

/** A heading of the table of contents with its commands. */
export interface Section {
  readonly heading: string
  readonly commands: readonly Command[]
}
