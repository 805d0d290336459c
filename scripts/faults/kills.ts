import { spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { Random } from '../../src/random.ts'
import { makeWorld } from '../../test/train/world.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

interface Ended {
  readonly status: number | null
  readonly seconds: number
  readonly errors: string
}

/** Runs `mia`, killed after so many milliseconds if it still runs. */
function mia(args: readonly string[], killAfter?: number): Promise<Ended> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, MIA_THREADS: '1' },
  })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => {
    errors = `${errors}${data}`.slice(-500)
  })
  if (killAfter !== undefined) void setTimeout(killAfter).then(() => child.kill('SIGKILL'))
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, errors, seconds: (performance.now() - started) / 1000 }))
  })
}

/**
 * Trains a small run that is killed `kills` times at random moments, and resumed. Returns what is not as in a run that
 * was never killed: an error, other bytes of checkpoint or weights, files left over.
 */
export async function killTraining(kills: number, seed: number): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mia-kills-'))
  try {
    const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')]
    const config = await makeWorld(join(folder, 'data'), { epochs: 4, val: 2 })
    await (await beginRun(whole, config)).release()
    await cp(whole, killed, { recursive: true })
    const args = (run: string) => ['train', '--resume', '--out', run, '--quiet']
    const unbroken = await mia(args(whole))
    const faults = unbroken.status === 0 ? [] : [`the run that is not killed failed: ${unbroken.errors}`]
    const random = new Random(seed)
    for (let kill = 0; kill < kills; kill++) {
      const { status, errors } = await mia(args(killed), 1000 * unbroken.seconds * (0.2 + 0.8 * random.uniform()))
      if (status !== 0 && status !== null) faults.push(`after kill ${kill} the run does not resume: ${errors}`)
    }
    const last = await mia(args(killed))
    if (last.status !== 0) faults.push(`after ${kills} kills the run does not end: ${last.errors}`)
    for (const file of ['checkpoint', 'weights'] as const) {
      const [a, b] = await Promise.all([whole, killed].map((run) => readFile(runFiles(run)[file])))
      if (!a!.equals(b!)) faults.push(`${file} has other bytes than without kills`)
    }
    const names = async (run: string) =>
      (await readdir(run))
        .filter((name) => !name.includes('tfevents'))
        .sort()
        .join()
    if ((await names(whole)) !== (await names(killed))) faults.push(`files differ: ${await names(killed)}`)
    return faults
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
