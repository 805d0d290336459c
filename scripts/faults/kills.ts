import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Random } from '../../src/random.ts'
import { contentOf, differences, type LongCommand, restore } from './commands.ts'

/** How long a kill waits for a file to be written before it strikes all the same, as a part of the whole time. */
const PATIENCE = 1.5

/**
 * Runs a command that is killed `kills` times (SIGKILL), each time at another moment, and then to its end. Every other
 * kill strikes while a file is being written. Returns what is not as without kills: an error, other bytes, files left
 * over. Afterwards the folder has what the command wrote.
 */
export async function killCommand(
  command: LongCommand,
  { folder, kills, random }: { readonly folder: string; readonly kills: number; readonly random: Random },
): Promise<string[]> {
  const { start, varies, writes, once } = command
  const before = `${folder}.before`
  await restore(folder, before)
  const unbroken = await start(folder).ended
  if (unbroken.status !== 0) return [`it fails without a kill: ${unbroken.errors}`]
  const right = await contentOf(folder, varies)
  const isDone = async (): Promise<boolean> => differences(right, await contentOf(folder, varies)).length === 0
  await restore(before, folder)
  const faults: string[] = []
  const most = 1000 * unbroken.seconds
  for (let kill = 0; kill < kills; kill++) {
    const { child, ended } = start(folder)
    const moment = most * (0.1 + 0.9 * random.uniform())
    const running = new AbortController()
    void ended.then(() => running.abort())
    if (kill % 2 === 0) await setTimeout(moment, undefined, { signal: running.signal }).catch(() => {})
    else await writing(join(folder, writes), { most: PATIENCE * most, skip: random.below(4), signal: running.signal })
    child.kill('SIGKILL')
    const { status, errors } = await ended
    if (status !== 0 && status !== null) faults.push(`after kill ${kill} it fails: ${lastLine(errors)}`)
    // it was done before the kill
    if (status === 0 || (once && (await isDone()))) await restore(before, folder)
  }
  const last = await start(folder).ended
  if (last.status !== 0) faults.push(`after ${kills} kills it fails: ${lastLine(last.errors)}`)
  faults.push(...differences(right, await contentOf(folder, varies)))
  await rm(before, { recursive: true })
  return faults
}

/** Waits until a file below a folder is being written, after `skip` others. */
async function writing(
  folder: string,
  { most, skip, signal }: { readonly most: number; readonly skip: number; readonly signal: AbortSignal },
): Promise<void> {
  const seen = new Set<string>()
  const until = performance.now() + most
  while (performance.now() < until && !signal.aborted) {
    for (const name of partsIn(folder)) seen.add(name)
    if (seen.size > skip) return
    await setTimeout(1)
  }
}

function partsIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part'))
  } catch {
    return []
  }
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? ''

/** Runs `work` with a folder that is gone afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mia-faults-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
