import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lock, withLock } from '../../src/disk/lock.ts'
import { deadProcess, killed, startScript } from '../support/child.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  path = join(folder, 'lock.json')
})
afterEach(() => rm(folder, { recursive: true }))

const take = (): Promise<Lock> => Lock.take(path, 'run folder "runs/a"')
/** Leaves the lock of a process, and returns its content. */
async function leave(pid: number, host = hostname(), at = path): Promise<string> {
  const content = JSON.stringify({ pid, host, since: '2026-01-02T03:04:05.000Z' })
  await writeFile(at, content)
  return content
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
      `Cannot use run folder "runs/a": process ${other.pid} on ${hostname()} has been using it since 2026-01-02T03:04:05.000Z; stop that process first`,
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

  test('can be taken once a refused lock is gone', async () => {
    await leave(1, 'elsewhere')
    await expect(take()).rejects.toThrow('elsewhere')
    await rm(path)
    await (await take()).release()
  })

  test('refuses what a process on another machine has, and a file that is no lock, and says how to go on', async () => {
    await leave(1, 'elsewhere')
    await expect(take()).rejects.toThrow(/process 1 on elsewhere .* if it is gone, delete ".*lock\.json"/)
    await writeFile(path, '{"mine": true}')
    await expect(take()).rejects.toThrow(/lock\.json" is not a lock file; if no process uses the folder, delete it/)
    expect(await readFile(path, 'utf8')).toBe('{"mine": true}')
  })

  test.each(['', '{"pid":12,"ho'])('takes over the remains of a crash or a full disk: %j', async (content) => {
    await writeFile(path, content)
    const lock = await take()
    expect(JSON.parse(await readFile(path, 'utf8')).pid).toBe(process.pid)
    await lock.release()
  })

  test('waits for a lock that is being written without link(), and respects it', async () => {
    await writeFile(path, '')
    const taking = take()
    await setTimeout(100)
    await leave(process.ppid)
    await expect(taking).rejects.toThrow(`process ${process.ppid} on ${hostname()}`)
  })

  test('takes over where a process was killed while it took over', async () => {
    const stale = await leave(await deadProcess())
    const claim = `lock.json.stale-${createHash('sha256').update(stale).digest('hex').slice(0, 16)}`
    await leave(await deadProcess(), hostname(), join(folder, claim))
    await writeFile(join(folder, `lock.json.stale-${'0'.repeat(16)}`), 'of an earlier one')
    const lock = await take()
    expect(await readdir(folder)).toEqual(['lock.json'])
    await lock.release()
  })

  test('refuses a symbolic link, and leaves its target as it is', async () => {
    for (const target of ['nowhere', 'file']) {
      await writeFile(join(folder, 'file'), '')
      await symlink(target, path)
      await expect(take()).rejects.toThrow(/cannot read ".*lock\.json": its symbolic links form a loop/)
      await rm(path)
    }
  })

  test('names what keeps the lock file from being written', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(Lock.take(join(folder, 'file', 'lock.json'), 'x')).rejects.toThrow(
      `Cannot write "${join(folder, 'file')}": a part of its path is a file, not a folder`,
    )
  })

  test('of ten processes at once gives a stale lock to exactly one, round after round', async () => {
    const children = Array.from({ length: 10 }, () => startScript(new URL('lock-child.ts', import.meta.url)))
    await Promise.all(children.map((child) => once(child, 'message')))
    /** All try; returns the place of the one that got the lock. */
    const contend = async (): Promise<number> => {
      const answers = children.map(async (child) => (await once(child, 'message'))[0] as string)
      for (const child of children) child.send({ take: path })
      const said = await Promise.all(answers)
      const winner = said.indexOf('taken')
      const others = said.filter((_, i) => i !== winner)
      expect(winner).toBeGreaterThanOrEqual(0)
      expect(JSON.parse(await readFile(path, 'utf8')).pid).toBe(children[winner]!.pid)
      for (const other of others) expect(other).toContain(`process ${children[winner]!.pid} on ${hostname()}`)
      expect(await readdir(folder)).toEqual(['lock.json'])
      return winner
    }
    const dead = await deadProcess()
    for (let round = 0; round < 20; round++) {
      await leave(dead)
      const winner = children[await contend()]!
      winner.send({})
      await once(winner, 'message')
      expect(await readdir(folder)).toEqual([])
    }
    while (children.length > 5) await killed(children.splice(await contend(), 1)[0]!)
  })

  test('of a folder is held while the work is done, and released if it fails', async () => {
    await withLock(folder, 'concepts', async () => {
      await expect(take()).rejects.toThrow('this process uses it already')
    })
    const failing = withLock(folder, 'concepts', () => Promise.reject(new Error('no power')))
    await expect(failing).rejects.toThrow('no power')
    expect(await readdir(folder)).toEqual([])
  })
})

describe('Lock.release()', () => {
  test('leaves the lock of another process, where its own was deleted', async () => {
    const lock = await take()
    const other = await leave(process.ppid)
    await lock.release()
    expect(await readFile(path, 'utf8')).toBe(other)
  })
})
