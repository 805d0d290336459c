import { errorCode } from './errno.ts'

/** When this process started, in milliseconds since 1970. Worker threads share it. */
const STARTED = Date.now() - process.uptime() * 1000

/**
 * Whether the process of this machine that had the number `pid` at time `at` (milliseconds since 1970) still runs.
 * Containers often restart a program with its old number: anything from before this process started is an earlier
 * one's. Another program may have got the number of a process that ended; it counts as running.
 */
export function isRunning(pid: number, at: number): boolean {
  if (pid === process.pid) return at >= STARTED
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) === 'EPERM' // another user's process
  }
}
