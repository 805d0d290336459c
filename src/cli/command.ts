import type { Communicator } from '../distributed/communicator.ts'
import type { Option } from './options.ts'
import type { Answer } from './output.ts'
import type { Reporter } from './reporter.ts'

/** What a running command gets besides its values. */
export interface Context {
  /** aborted by Ctrl-C and SIGTERM */
  readonly signal: AbortSignal
  readonly report: Reporter
  /** the options on the command line, in camelCase; the others have their defaults */
  readonly given: readonly string[]
  /** the ranks that run this command together, each with the same values; mostly this process alone */
  readonly ranks: Communicator
}

type Options = Readonly<Record<string, Option<unknown>>>
/** The types of the values of options. */
export type Values<O extends Options> = { readonly [Key in keyof O]: O[Key] extends Option<infer T> ? T : never }

/** A command of `mia`: its help, its arguments and options, and its implementation. */
export interface Command<A extends Options = Options, O extends Options = Options> {
  /** one word, or two for a command of a group, as in `concepts train` */
  readonly name: string
  /** its line in `mia --help` */
  readonly summary: string
  readonly description: string
  /** calls that work, each with its purpose */
  readonly examples: readonly { readonly call: string; readonly what: string }[]
  /** positional arguments, in order */
  readonly arguments?: A
  /** by name in camelCase: `batchSize` is written `--batch-size` */
  readonly options: O
  /** after an interruption, the same command resumes instead of starting over */
  readonly resumes?: true
  /** launched by MPI, several ranks share out its work */
  readonly ranks?: true
  /** Runs the command. It imports heavy modules itself, so that `mia --help` need not load them. */
  readonly run: (values: Values<A> & Values<O>, context: Context) => Promise<Answer>
}

/** Declares a command; the types of the values for `run` follow from its arguments and options. */
export const defineCommand = <const A extends Options = Record<never, never>, const O extends Options = Options>(
  command: Command<A, O>,
): Command => command as unknown as Command

/** A heading of `mia --help` and its commands. */
export interface Section {
  readonly heading: string
  readonly commands: readonly Command[]
}
