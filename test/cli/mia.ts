import type { Section } from '../../src/cli/command.ts'
import { runProgram } from '../../src/cli/program.ts'
import { respell } from '../../src/cli/spelling.ts'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `mia` in this process, and returns what it prints. */
export async function mia(
  args: readonly string[],
  { sections, signal = new AbortController().signal }: { sections?: readonly Section[]; signal?: AbortSignal } = {},
): Promise<Ran> {
  const text = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof text) => ({ write: (part: string) => (text[name] += part) })
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') }
  const status = await runProgram(respell(args), streams, signal, sections)
  return { status, ...text }
}
