// A lock file names the process that uses a folder. It appears whole, under its final name, by link(), which fails if
// the name is taken: no process ever sees it empty, and a full disk or a kill leaves none. The lock of a process that
// is gone is replaced by rename(), which never leaves the folder unlocked. Only one process may do that: the one that
// holds the claim, a lock of the same kind whose name follows from the content that is replaced. As long as it holds
// the claim, that content cannot change: its owner is gone, and nobody else may replace it.
import { createHash, randomUUID } from 'node:crypto'
import { constants, copyFile, link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { errorCode, throwFileError } from './errno.ts'
import { makeFolder } from './files.ts'
import { removeUnfinished, writePart } from './part-files.ts'
import { isRunning } from './processes.ts'

const SCHEMA = v.object({ pid: v.pipe(v.number(), v.integer(), v.minValue(1)), host: v.string(), since: v.string() })

/** File systems without hard links say so in one of these ways. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']
/** How long a process waits for one that is taking over the same lock. */
const PATIENCE_MS = 10_000
/** An unreadable lock that does not change for this long is the remains of a crash, not a lock being written. */
const SETTLED_AFTER_MS = 500
const PAUSE_MS = 10
/** A lock has some 150 bytes. */
const MAX_BYTES = 4096
/** Ends the name of a lock in the names of its claims; what was replaced follows. */
const CLAIM = '.stale-'

/** The locks that this process holds or is taking. */
const held = new Set<string>()

/** A file that names the process that uses a folder, so that no other process does. */
export class Lock {
  readonly #path: string
  readonly #record: string

  private constructor(path: string, record: string) {
    this.#path = path
    this.#record = record
  }

  /**
   * Makes the lock file, or takes it over if its process, on this machine, is gone; of several processes that try, one
   * succeeds. Removes what killed processes left half-written in its folder. Throws UserError with the owner's process
   * number if the owner still runs, or runs on another machine, where nobody can tell. `what` names what is locked, as
   * in `run folder "runs/va"`.
   */
  static async take(file: string, what: string): Promise<Lock> {
    const path = resolve(file)
    if (held.has(path)) throw new UserError(`Cannot use ${what}: this process uses it already`)
    held.add(path)
    try {
      await makeFolder(dirname(path))
      const record = await acquire(path, what)
      await Promise.all([removeUnfinished(dirname(path)), removeClaims(path)])
      return new Lock(path, record)
    } catch (error) {
      held.delete(path)
      throw error
    }
  }

  /** Removes the lock file; does nothing if it was released before. */
  async release(): Promise<void> {
    if (!held.has(this.#path)) return
    await removeOwn(this.#path, this.#record)
    held.delete(this.#path)
  }
}

/**
 * Runs `work` while this process holds the lock of a folder, `lock.json`; `what` names the folder's content, as in
 * "concepts". Throws UserError if another process holds it.
 */
export async function withLock<T>(folder: string, what: string, work: () => Promise<T>): Promise<T> {
  const lock = await Lock.take(join(folder, 'lock.json'), `${what} "${folder}"`)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** Makes the lock at `path` this process's, and returns its content. Throws UserError if a running process has it. */
async function acquire(path: string, what: string): Promise<string> {
  const record = `${JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString(), id: randomUUID() })}\n`
  const part = await writePart(path, record).catch((error) => throwFileError('write', path, error))
  try {
    while (!(await create(part, path))) {
      const found = await readSettled(path, what)
      if (found === undefined) continue
      refuseIfInUse(found, path, what)
      if (await takeOver(path, what, found, part)) break
    }
    return record
  } finally {
    await rm(part, { force: true })
  }
}

/** Gives the file `part` the name `path` too; returns false if there is a file of that name. */
async function create(part: string, path: string): Promise<boolean> {
  try {
    await link(part, path)
    return true
  } catch (error) {
    // NFS reports a failure if the answer to a successful request was lost: the number of names tells.
    if (errorCode(error) === 'EEXIST') return (await stat(part)).nlink === 2
    if (!NO_LINKS.includes(errorCode(error) ?? '')) throwFileError('write', path, error)
  }
  try {
    await copyFile(part, path, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throwFileError('write', path, error)
  }
}

/**
 * Replaces the lock `found`, whose process is gone, by `part`. Returns false if another process did so, or is about to:
 * the caller looks again.
 */
async function takeOver(path: string, what: string, found: string, part: string): Promise<boolean> {
  const claim = `${path}${CLAIM}${createHash('sha256').update(found).digest('hex').slice(0, 16)}`
  const record = await acquireSoon(claim, what)
  try {
    if ((await readLock(path, what)) !== found) return false
    await rename(part, path).catch((error) => throwFileError('write', path, error))
    return true
  } finally {
    await removeOwn(claim, record)
  }
}

/** Acquires a claim. Waits while another process has it: that takes the lock over at once. */
async function acquireSoon(claim: string, what: string): Promise<string> {
  for (let waited = 0; ; waited += PAUSE_MS) {
    try {
      return await acquire(claim, what)
    } catch (error) {
      if (!(error instanceof InUse) || waited >= PATIENCE_MS) throw error
    }
    await setTimeout(PAUSE_MS)
  }
}

/** Removes the claims that killed processes left: while this process holds the lock they allow nothing. */
async function removeClaims(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  const claims = names.filter((name) => name.startsWith(`${basename(path)}${CLAIM}`) && !name.endsWith('.part'))
  await Promise.all(claims.map((name) => rm(join(dirname(path), name), { force: true }).catch(() => {})))
}

/** Removes a lock of this process, unless it was deleted and another process has made one there. */
async function removeOwn(path: string, record: string): Promise<void> {
  if ((await readLock(path, 'lock').catch(() => undefined)) === record)
    await rm(path, { force: true }).catch((error) => throwFileError('remove', path, error))
}

/** A running process holds the lock. */
class InUse extends UserError {}

/**
 * Throws UserError unless `content` is that of a lock whose process, of this machine, is gone, or the remains of a
 * crash.
 */
function refuseIfInUse(content: string, path: string, what: string): void {
  const value = parse(content)
  if (value === undefined) return
  const { success, output: owner } = v.safeParse(SCHEMA, value)
  if (!success)
    throw new UserError(`Cannot use ${what}: "${path}" is not a lock file; if no process uses the folder, delete it`)
  const { pid, host, since } = owner
  const otherwise = host === hostname() ? 'it is another program' : 'it is gone'
  if (host === hostname() && !isRunning(pid, Date.parse(since))) return
  throw new InUse(
    `Cannot use ${what}: process ${pid} on ${host} has been using it since ${since}; ` +
      `stop that process first, or, if ${otherwise}, delete "${path}"`,
  )
}

/**
 * The content of the lock, or undefined if there is none. Waits while it is not JSON: without link() it may be
 * half-written.
 */
async function readSettled(path: string, what: string): Promise<string | undefined> {
  let content = await readLock(path, what)
  for (let waited = 0; waited < SETTLED_AFTER_MS && content !== undefined && parse(content) === undefined; ) {
    await setTimeout(PAUSE_MS)
    const before = content
    content = await readLock(path, what)
    waited = content === before ? waited + PAUSE_MS : 0
  }
  return content
}

/** The content of the lock, or undefined if there is none. A symbolic link is an error: its target is not ours. */
async function readLock(path: string, what: string): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
  const fail = (error: unknown): never => throwFileError(`use ${what}: cannot read`, path, error)
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error) =>
    errorCode(error) === 'ENOENT' ? undefined : fail(error),
  )
  if (!file) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    return fail(error)
  } finally {
    await file.close()
  }
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
