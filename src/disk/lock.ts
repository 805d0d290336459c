import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'

const schema = v.object({ pid: v.pipe(v.number(), v.integer(), v.minValue(1)), host: v.string(), since: v.string() })
type Owner = v.InferOutput<typeof schema>

/** The locks this process has or is taking: a lock file with its number is then one that an earlier process left. */
const held = new Set<string>()

/** A file that says which process uses a folder, so that no second one does. */
export class Lock {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /**
   * Makes the lock file, or takes it over from a process of this machine that is gone. Throws UserError with the owner's
   * process number while it lives, or if it runs on another machine, where nobody can tell. `what` names what is locked.
   */
  static async take(file: string, what: string): Promise<Lock> {
    const path = resolve(file)
    if (held.has(path)) throw new UserError(`Cannot use ${what}: this process uses it already`)
    held.add(path)
    try {
      while (!(await create(path))) await removeStale(path, what)
      return new Lock(path)
    } catch (error) {
      held.delete(path)
      throw error
    }
  }

  /** Removes the lock file; a second time does nothing. */
  async release(): Promise<void> {
    if (!held.has(this.#path)) return
    await rm(this.#path, { force: true })
    held.delete(this.#path)
  }
}

/** Whether the lock file could be made; it cannot where there is one. */
async function create(path: string): Promise<boolean> {
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
  try {
    await writeFile(path, `${JSON.stringify(owner)}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Removes the lock file, if there still is one, of a process that is gone. */
async function removeStale(path: string, what: string): Promise<void> {
  const text = await readIfThere(path)
  if (text === undefined) return
  const refuse = (who: string, advice: string): never => {
    throw new UserError(`Cannot use ${what}: ${who}; ${advice}, delete "${path}"`)
  }
  const owner = parseOwner(text)
  if (!owner) return refuse('its lock file is damaged', 'if no process uses it')
  const who = `process ${owner.pid} on ${owner.host} has been using it since ${owner.since}`
  if (owner.host !== hostname()) refuse(who, 'stop that one first, or, if it is gone')
  if (isAlive(owner.pid)) refuse(who, 'stop that one first, or, if it is another program')
  // Another process may have taken the lock over since it was read: only what was read is thrown away.
  const aside = `${path}.stale-${process.pid}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if ((await readIfThere(aside)) === text) await rm(aside)
  else await rename(aside, path)
}

function parseOwner(text: string): Owner | undefined {
  try {
    return v.parse(schema, JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Whether another process of this number runs on this machine. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM' // another user's
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
