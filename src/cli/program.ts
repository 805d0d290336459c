import { CommanderError } from 'commander'
import { UsageError, UserError } from '../errors.ts'
import type { Section } from './command.ts'
import { contents } from './commands/index.ts'
import { paint, type Stream, type Streams } from './output.ts'
import { buildParser, type Call } from './parser.ts'
import { Reporter } from './reporter.ts'

/** What the exit status of `mia` means. */
export const EXIT = { done: 0, failed: 1, usage: 2, stopped: 130 } as const

/** Runs `mia` with `args` (respelled already) and gives the exit status; `signal` stops the command that runs. */
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
    // commander has printed the help, the version or what is wrong
    return error.exitCode === 0 ? EXIT.done : EXIT.usage
  }
}

async function runCommand(
  { command, values, given }: Call,
  { stdout, stderr }: Streams,
  signal: AbortSignal,
): Promise<number> {
  const report = new Reporter(stderr, { quiet: values.quiet === true })
  const onAbort = (): void => report.note('Stopping cleanly; Ctrl-C once more stops at once')
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const answer = await command.run(values as never, { signal, report, given })
    report.finish()
    stdout.write(values.json ? `${JSON.stringify(answer.json, null, 2)}\n` : `${answer.text}\n`)
    if (answer.next && !values.json) report.note(`Next: ${paint(stderr, 'cyan', asCalled(answer.next))}`)
    return answer.failed ? EXIT.failed : EXIT.done
  } catch (error) {
    report.finish()
    if (signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError')) {
      stderr.write('Stopped; to go on, run the same command again\n')
      return EXIT.stopped
    }
    explain(error, stderr)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The message alone where the user can mend it (a wrong file, a full disk); the stack where only we can. */
function explain(error: unknown, stderr: Stream): void {
  const users = error instanceof UserError || (error instanceof Error && 'syscall' in error)
  const [label, text] = users ? ['Error:', error.message] : ['Internal error:', (error as Error)?.stack ?? error]
  stderr.write(`${paint(stderr, 'red', label)} ${text}\n`)
}

/** The command as its user can type it: `npx` finds what is not installed globally. */
const asCalled = (command: string): string => (process.env.npm_command === 'exec' ? `npx ${command}` : command)
