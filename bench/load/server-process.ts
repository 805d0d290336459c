import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `mia serve` as a process of its own. */
export interface ServerProcess {
  readonly url: string
  /** A number of its /metrics. */
  metric(name: string): Promise<number>
  /** Stops it; resolves with its exit status. */
  stop(): Promise<number | null>
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/**
 * Starts `mia serve` at a free port of 127.0.0.1. It ends with this process, but Ctrl-C reaches this process alone: what
 * has been asked is still answered.
 */
export async function startServerProcess(args: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'serve', '--port', '0', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const end = (): void => void child.kill('SIGTERM')
  process.once('exit', end)
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr!).on('line', (line) => {
      const found = /"message":"listening","url":"([^"]+)"/.exec(line)?.[1]
      if (found) resolve(found)
    })
    child.once('exit', () => reject(new Error('mia serve has ended')))
  })
  return {
    url,
    async metric(name) {
      const text = await (await fetch(`${url}metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    },
    async stop() {
      process.off('exit', end)
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill('SIGTERM')
      const [status] = await once(child, 'exit')
      return status
    },
  }
}
