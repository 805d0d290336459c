import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readCheckpoint } from '../../src/disk/checkpoint.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { temporaryFolder } from '../support/folder.ts'
import { LAUNCHERS, launch } from '../support/mpi.ts'
import { makeWorld } from '../train/world.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url)
const RANKS = 2

/** A run that `mia train --resume --out` trains for so many epochs. */
async function beginLongRun(epochs: number): Promise<string> {
  const base = await temporaryFolder()
  const config = await makeWorld(join(base, 'data'), { epochs, val: 1 })
  const folder = join(base, 'run')
  await (await beginRun(folder, config)).release()
  return folder
}

/** The process numbers of the ranks, from what rank 0 says at the beginning. */
const processesIn = (printed: string): number[] =>
  [...printed.matchAll(/rank \d+ is process (\d+)/g)].map(([, pid]) => Number(pid))

test.skipIf(LAUNCHERS.length === 0).each(LAUNCHERS.map((launcher) => [launcher.name, launcher] as const))(
  '%s: rank 0 speaks for all, and no other writes',
  async (name, launcher) => {
    const folder = await beginLongRun(2)
    const args = ['train', '--resume', '--out', folder]
    const { status, stdout, stderr } = await launch(launcher, MAIN, args, { ranks: RANKS })
    expect(stderr).toMatch(
      new RegExp(`^Running on 2 ranks by ${name} [\\d.]+: rank 0 is process \\d+ on .*, rank 1 is `),
    )
    expect(stderr.match(/^Epoch 1: /gm)).toHaveLength(1)
    expect(stdout.match(/2 epochs, best CIDEr on val/g)).toHaveLength(1)
    expect(status).toBe(0)
    const log = await readJournal(runFiles(folder).log)
    expect(log.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2])
  },
)

const FAULTS = LAUNCHERS.flatMap((launcher) =>
  (
    [
      ['SIGKILL', 0],
      ['SIGKILL', 1],
      ['SIGSTOP', 0],
      ['SIGSTOP', 1],
    ] as const
  ).map(([signal, rank]) => [launcher.name, signal, rank, launcher] as const),
)

/** Waits for a process to end: launchers may return while a rank still writes its checkpoint. */
async function ended(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await setTimeout(100)
  }
}

test.skipIf(FAULTS.length === 0).each(FAULTS)(
  '%s: a %s to rank %i ends the job within 30 s, and the run is resumed',
  async (_, signal, rank, launcher) => {
    const folder = await beginLongRun(100_000)
    const args = ['train', '--resume', '--out', folder]
    let struckAt = 0
    const struck = (printed: string): void => {
      if (struckAt > 0 || !/^Epoch 2: /m.test(printed)) return
      struckAt = performance.now()
      process.kill(processesIn(printed)[rank]!, signal)
    }
    const { status, stderr } = await launch(launcher, MAIN, args, { ranks: RANKS, onOutput: struck })
    expect((performance.now() - struckAt) / 1000).toBeLessThan(30)
    expect(status).not.toBe(0)
    for (const pid of processesIn(stderr)) await ended(pid)
    if (signal === 'SIGSTOP')
      expect(stderr).toMatch(
        new RegExp(`Cannot go on: rank ${rank} of 2 \\(process \\d+ on \\S+\\) has given no sign of life for \\d+ s`),
      )
    const { step, epoch } = await readCheckpoint(runFiles(folder).checkpoint)
    expect(epoch).toBeGreaterThan(0)
    const resumed = await launch(launcher, MAIN, [...args, '--epochs', `${epoch + 1}`], { ranks: 3 })
    expect(resumed.status, resumed.stderr).toBe(0)
    expect(await readCheckpoint(runFiles(folder).checkpoint)).toMatchObject({ epoch: epoch + 1 })
    expect((await readCheckpoint(runFiles(folder).checkpoint)).step).toBeGreaterThan(step)
  },
)

test.skipIf(LAUNCHERS.length === 0)('a command that ranks cannot share out is refused', async () => {
  const { status, stderr } = await launch(LAUNCHERS[0]!, MAIN, ['doctor'], { ranks: RANKS })
  expect(stderr).toContain('Error: Cannot share out "mia doctor" among ranks of MPI: run it without mpirun or srun')
  expect(status).toBe(2)
})

test.skipIf(LAUNCHERS.length === 0)('a mistake is said once', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'empty'))
  const args = ['train', '--resume', '--out', join(folder, 'empty')]
  const { status, stderr } = await launch(LAUNCHERS[0]!, MAIN, args, { ranks: RANKS })
  expect(stderr.match(/Error: Cannot resume the run/g)).toHaveLength(1)
  expect(status).not.toBe(0)
  expect(existsSync(join(folder, 'empty', 'config.json'))).toBe(false)
})
