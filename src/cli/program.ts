import { CommanderError } from 'commander'
import type { Device } from '../device.ts'
import { describeErrno } from '../disk/errno.ts'
import { type Communicator, RankError } from '../distributed/communicator.ts'
import { UsageError, UserError } from '../errors.ts'
import type { Section } from './command.ts'
import { contents } from './commands/index.ts'
import { deviceOfRank } from './device-of-rank.ts'
import { Job } from './job.ts'
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

async function runCommand({ command, values, given }: Call, streams: Streams, signal: AbortSignal): Promise<number> {
  const say = (error: unknown): void => {
    printError(error, streams.stderr)
    if (error instanceof RankError && command.resumes) streams.stderr.write(`To go on, ${RESUME}`)
  }
  let job: Job
  try {
    job = await Job.join(command, say)
  } catch (error) {
    say(error)
    return statusOf(error)
  }
  const { ranks } = job
  const { stdout, stderr } = ranks.rank === 0 ? streams : SILENT
  const report = new Reporter(stderr, { quiet: values.quiet === true })
  const onAbort = (): void => report.note('Stopping; press Ctrl-C again to stop at once')
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (ranks.size > 1) report.note(`Running on ${ranks.description}`)
    const { json, text, next, failed } = await command.run(ofRank(values, ranks) as never, {
      signal,
      report,
      given,
      ranks,
    })
    await job.leave()
    report.finish()
    const lines = typeof text === 'string' ? [text] : text
    stdout.write(`${values.json ? printableJson(json) : lines.map(printable).join('\n')}\n`)
    if (next !== undefined && !values.json) report.note(`Next: ${asCalled(next)}`)
    return failed ? EXIT.failed : EXIT.done
  } catch (error) {
    report.finish()
    if ((signal.aborted && error === signal.reason) || ((signal.aborted || ranks.size > 1) && isAbort(error))) {
      stderr.write(command.resumes ? `Stopped; ${RESUME}` : 'Stopped\n')
      await job.leave().catch((error) => job.fail(error))
      return EXIT.stopped
    }
    await job.fail(error)
    return statusOf(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The values of a rank, with its own device of several. */
function ofRank(values: Call['values'], { local }: Communicator): Call['values'] {
  const device = values.device as Device | undefined
  return device ? { ...values, device: deviceOfRank(device, local, process.env.CUDA_VISIBLE_DEVICES) } : values
}

const RESUME = 'run the same command again to resume\n'

const statusOf = (error: unknown): number => (error instanceof UsageError ? EXIT.usage : EXIT.failed)

/** The streams of a rank that is not the first: rank 0 speaks for all. */
const SILENT: Streams = { stdout: { write: () => true }, stderr: { write: () => true } }

const isAbort = (error: unknown): boolean => (error as Error | undefined)?.name === 'AbortError'

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
