import { describeErrno } from '../disk/errno.ts'
import type { Section } from './command.ts'
import { EXIT, runProgram } from './program.ts'

/** Exit status after a signal, as shells count it: 128 plus the number of the signal. */
const STATUS_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Runs `mia` as this process, with its streams and its exit status. The first Ctrl-C stops the command cleanly, the
 * second at once.
 */
export async function runProcess(args: readonly string[], sections?: readonly Section[]): Promise<void> {
  const controller = new AbortController()
  let stopped: number = EXIT.stopped
  // Once: after that the signal has its default effect, so a second Ctrl-C ends the process however busy it is.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopped = STATUS_OF_SIGNAL[signal]
      controller.abort()
    })
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done) // the reader has enough, as in `mia ... | head`
    process.stderr.write(`Error: Cannot write to standard output: ${describeErrno(error) ?? error.message}\n`)
    process.exit(EXIT.failed)
  })
  // A closed stderr, as in `mia train 2>&1 | head`, must not end a long run: its progress just goes nowhere.
  process.stderr.on('error', () => {})
  const status = await runProgram(args, process, controller.signal, sections)
  process.exitCode = status === EXIT.stopped ? stopped : status
}
