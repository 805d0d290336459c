import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lock } from '../../src/disk/lock.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  path = join(folder, 'lock.json')
})
afterEach(() => rm(folder, { recursive: true }))

const take = (): Promise<Lock> => Lock.take(path, 'run folder "runs/a"')
const leave = (pid: number, host = hostname()): Promise<void> =>
  writeFile(path, JSON.stringify({ pid, host, since: '2026-01-02T03:04:05.000Z' }))

/** The number of a process that has just ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid!
}

describe('Lock.take()', () => {
  test('says in its file which process on which machine has it, and is free again once released', async () => {
    const lock = await take()
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
    await lock.release()
    expect(await readdir(folder)).toEqual([])
    await (await take()).release()
  })

  test('refuses what a living process has, with its number', async () => {
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' })
    await leave(other.pid!)
    await expect(take()).rejects.toThrow(
      `Cannot use run folder "runs/a": process ${other.pid} on ${hostname()} has been using it since 2026-01-02T03:04:05.000Z; stop that one first`,
    )
    other.kill()
    await once(other, 'exit')
    await (await take()).release()
  })

  test('refuses a second lock in the same process', async () => {
    const lock = await take()
    await expect(take()).rejects.toThrow('Cannot use run folder "runs/a": this process uses it already')
    await lock.release()
  })

  test('takes over from a process that is gone, and from an earlier one of its own number', async () => {
    for (const pid of [await deadProcess(), process.pid]) {
      await leave(pid)
      const lock = await take()
      expect(await readdir(folder)).toEqual(['lock.json'])
      expect(JSON.parse(await readFile(path, 'utf8')).pid).toBe(process.pid)
      await lock.release()
    }
  })

  test('lets go on after a refusal', async () => {
    await leave(1, 'elsewhere')
    await expect(take()).rejects.toThrow('elsewhere')
    await rm(path)
    await (await take()).release()
  })

  test('refuses what a process on another machine has, and a damaged lock file, and says how to go on', async () => {
    await leave(1, 'elsewhere')
    await expect(take()).rejects.toThrow(/process 1 on elsewhere .* if it is gone, delete ".*lock\.json"/)
    await writeFile(path, '')
    await expect(take()).rejects.toThrow('its lock file is damaged; if no process uses it, delete')
  })
})
