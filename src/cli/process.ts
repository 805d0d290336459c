import type { Section } from './command.ts'
import { EXIT, runProgram } from './program.ts'

/** What a shell makes of a process that a signal ended: 128 and the signal's number. */
const STATUS_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

/** Runs `mia` as this process: its streams, its exit status, and Ctrl-C, which stops cleanly once and at once twice. */
export async function runProcess(args: readonly string[], sections?: readonly Section[]): Promise<void> {
  const controller = new AbortController()
  let stopped: number = EXIT.stopped
  // Once: without its listener, the second Ctrl-C ends the process as if there had never been one, however busy it is.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopped = STATUS_OF_SIGNAL[signal]
      controller.abort()
    })
  // `mia ... | head` closes the pipe early: nobody is left to write to.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })
  const status = await runProgram(args, process, controller.signal, sections)
  process.exitCode = status === EXIT.stopped ? stopped : status
}
