import { UserError } from '../../../src/errors.ts'

/** Does what `mia` does with the errors of a command: a line of the user's error, and the trace of any other. */
export async function asCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    console.error(`Error: ${error.message}`)
    process.exitCode = 1
  }
}
