import { CommanderError } from 'commander'
import { describeErrno } from '../disk/errno.ts'
import { UsageError, UserError } from '../errors.ts'
import type { Section } from './command.ts'
import { contents } from './commands/index.ts'
import { paint, printable, printableJson, printableLines, type Stream, type Streams } from './output.ts'
import { buildParser, type Call } from './parser.ts'
import { Reporter } from './reporter.ts'

/** The exit statuses of `mia`. */
export const EXIT = { done: 0, failed: 1, usage: 2, stopped: 130 } as const

/**
 * Runs `mia` with `args`, whose option names respell() has converted, and returns the exit status. `signal` stops the
 * running command.
 */
export async function runProgram(
  args: readonly string[],
  streams: Streams,
  signal: AbortSignal,
  sections: readonly Section[] = contents,
): Promise<number> {
  let status: number = EXIT.done
  const parser = buildParser(sections, streams, async (call) => {
    status = await runCommand(call, streams, signal)
  })
  try {
    await parser.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // commander has already printed the help, the version, or the mistake
    return error.exitCode === 0 ? EXIT.done : EXIT.usage
  }
}

async function runCommand(
  { command, values, given }: Call,
  { stdout, stderr }: Streams,
  signal: AbortSignal,
): Promise<number> {
  const report = new Reporter(stderr, { quiet: values.quiet === true })
  const onAbort = (): void => report.note('Stopping; press Ctrl-C again to stop at once')
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const { json, text, next, failed } = await command.run(values as never, { signal, report, given })
    report.finish()
    const lines = typeof text === 'string' ? [text] : text
    stdout.write(`${values.json ? printableJson(json) : lines.map(printable).join('\n')}\n`)
    if (next !== undefined && !values.json) report.note(`Next: ${asCalled(next)}`)
    return failed ? EXIT.failed : EXIT.done
  } catch (error) {
    report.finish()
    if (signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError')) {
      stderr.write(`Stopped${command.resumes ? '; run the same command again to resume' : ''}\n`)
      return EXIT.stopped
    }
    printError(error, stderr)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Prints an error: the message alone if the user can fix it, such as a wrong file or a full disk, else the stack. */
function printError(error: unknown, stderr: Stream): void {
  const message = error instanceof UserError ? error.message : systemFault(error)
  const [label, text] =
    message === undefined
      ? ['Internal error:', printableLines(`${(error as Error)?.stack ?? error}`)]
      : ['Error:', printable(message)]
  stderr.write(`${paint(stderr, 'red', label)} ${text}\n`)
}

/** The message for an error of the operating system: `Cannot access "runs": permission denied (EACCES: mkdir)`. */
function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error && 'syscall' in error)) return undefined
  const { code, path, syscall } = error as NodeJS.ErrnoException
  const act = path === undefined ? 'continue' : `access "${path}"`
  return `Cannot ${act}: ${describeErrno(error) ?? error.message} (${code}: ${syscall})`
}

/** The command as the user can type it: with `npx` if `mia` was started by npx. */
const asCalled = (command: string): string => (process.env.npm_command === 'exec' ? `npx ${command}` : command)
