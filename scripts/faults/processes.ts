import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** How a process ended. */
export interface Ended {
  /** null if a signal ended it */
  readonly status: number | null
  readonly seconds: number
  /** the last that it wrote to stderr */
  readonly errors: string
}

/** A process that runs. */
export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** What differs from a plain start. */
export interface StartOptions {
  /** words before the command, as in `setpriv --reuid nobody` */
  readonly under?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

function start(args: readonly string[], { under = [], env = {} }: StartOptions): Started {
  const begun = performance.now()
  const [command, ...rest] = [...under, process.execPath, ...args]
  const child = spawn(command!, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, MIA_THREADS: '1', ...env },
  })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => {
    errors = `${errors}${data}`.slice(-2000)
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, errors, seconds: (performance.now() - begun) / 1000 }))
  })
  return { child, ended }
}

/** Starts the built `mia` with the same number of threads each time, for equal bytes. */
export const mia = (args: readonly string[], options: StartOptions = {}): Started => start([MAIN, ...args], options)

/** Starts a TypeScript file. */
export const node = (args: readonly string[], options: StartOptions = {}): Started =>
  start(['--import', 'tsx', ...args], options)
