import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Weight } from '../../src/caption/weights.ts'
import { writeCheckpoint } from '../../src/disk/checkpoint.ts'
import { openRun, runFiles } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeSmallRun } from '../support/small-run.ts'

const script = fileURLToPath(new URL('../../scripts/average-weights.ts', import.meta.url))
const average = (...args: string[]) => promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args])

const filled = (weights: ReadonlyMap<string, Weight>, value: number): Map<string, Weight> =>
  new Map([...weights].map(([name, weight]) => [name, { ...weight, data: weight.data.map(() => value) }]))

/** A run whose best weights are all `best`, and whose last are all `last`, their moving average `averaged`. */
async function writeRun(folder: string, best: number, last: { weights: number; averaged?: number }): Promise<void> {
  const weights = await writeSmallRun(folder)
  await writeSafetensors(runFiles(folder).weights, filled(weights, best))
  const moments = { firstMoments: filled(weights, 0), secondMoments: filled(weights, 0) }
  const averages = last.averaged === undefined ? {} : { averages: filled(weights, last.averaged) }
  const progress = { step: 1, epoch: 1, batch: 0, best: null }
  await writeCheckpoint(runFiles(folder).checkpoint, {
    ...progress,
    weights: filled(weights, last.weights),
    ...moments,
    ...averages,
  })
}

test('the average is that of the best weights, the last and their moving average, by their shares', async () => {
  const base = await temporaryFolder()
  const [a, b, out] = [join(base, 'a'), join(base, 'b'), join(base, 'out')]
  await writeRun(a, 1, { weights: 9, averaged: 3 })
  await writeRun(b, 5, { weights: 7 })
  await average(out, a, `${runFiles(a).checkpoint}=2`, `${runFiles(b).checkpoint}=0.5`, `${b}=0.5`)
  const { weights, config } = await openRun(out)
  for (const { data } of weights.values()) for (const value of data) expect(value).toBe((1 + 2 * 3 + 3.5 + 2.5) / 4)
  expect(config.training.averaged!.map(({ weights: path, share }) => [path, share])).toEqual([
    [runFiles(a).weights, 0.25],
    [runFiles(a).checkpoint, 0.5],
    [runFiles(b).checkpoint, 0.125],
    [runFiles(b).weights, 0.125],
  ])
  await expect(average(out, a, b)).rejects.toThrow(`Cannot write "${out}": it exists`)
})
