import { createHash, randomBytes } from 'node:crypto'
import { lstat, open, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isRunning } from './processes.ts'

/** `<goal>.<pid>-<machine><random>.part`; version 0.1.0 wrote no machine. */
const PART = /\.(\d{1,10})-([0-9a-f]{8})(?:[0-9a-f]{8})?\.part$/
/** Tells machines that share a folder apart: a process number means nothing on another machine. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
/** Nobody writes a file for a day without touching it. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000

/** The content of a file: text, bytes, a list of bytes, or text that is made while it is written. */
export type FileContent = string | Uint8Array | readonly Uint8Array[] | AsyncIterable<string>

/**
 * Writes a `.part` file next to `path`, flushed to the disk, and returns its path; the caller gives it its final name.
 * Leaves nothing behind and throws the system's error, or the iterable's, if that fails.
 */
export async function writePart(path: string, data: FileContent): Promise<string> {
  const part = `${path}.${process.pid}-${MACHINE}${randomBytes(4).toString('hex')}.part`
  const file = await open(part, 'wx')
  try {
    const pieces = typeof data === 'string' || data instanceof Uint8Array ? [data] : data
    for await (const piece of pieces) await file.writeFile(piece) // each after the one before
    await file.sync()
    await file.close()
    return part
  } catch (error) {
    await file.close().catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}

/**
 * Removes the `.part` files in a folder whose processes are gone, but none that a running process is writing. Those of
 * other machines are removed when nobody has touched them for a day. Never throws: a file that cannot be removed stays.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  await Promise.all(names.map((name) => removeIfAbandoned(join(folder, name))))
}

async function removeIfAbandoned(path: string): Promise<void> {
  const [, pid, machine] = PART.exec(path) ?? []
  if (pid === undefined) return
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isFile()) return
  const abandoned =
    machine === MACHINE ? !isRunning(Number(pid), found.mtimeMs) : Date.now() - found.mtimeMs > ABANDONED_AFTER_MS
  if (abandoned) await rm(path, { force: true }).catch(() => {})
}
