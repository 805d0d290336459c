import { expect, test } from 'vitest'
import { LAUNCHERS, launch } from '../../../support/mpi.ts'

const SCRIPT = new URL('hanging.ts', import.meta.url)
/** Longer than a rank may give no sign of life. */
const WORK_SECONDS = 18

test.skipIf(LAUNCHERS.length === 0).each(LAUNCHERS.map((launcher) => [launcher.name, launcher] as const))(
  '%s: a rank that works for long is waited for, one that hangs meanwhile is not',
  async (_, launcher) => {
    const { status, stdout } = await launch(launcher, SCRIPT, [`${WORK_SECONDS}`], { ranks: 3 })
    const { first, second } = JSON.parse(stdout.split('\n')[0]!)
    expect(first.heard).toBe('an answer')
    expect(first.after).toBeGreaterThan(WORK_SECONDS - 2)
    expect(second.heard).toMatch(
      /^Cannot go on: rank 0 of 3 \(process \d+ on \S+\) has given no sign of life for 1[5-9] s/,
    )
    expect(second.after).toBeLessThan(25)
    expect(status).not.toBe(0)
  },
)
