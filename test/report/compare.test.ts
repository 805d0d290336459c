import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { beginRun } from '../../src/disk/run-folder.ts'
import { testRun } from '../../src/evaluation/test-run.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { comparePage } from '../../src/pages/compare-page.ts'
import { compareRuns, shortNames } from '../../src/report/compare.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { CountingPictures } from '../pages/pictures.ts'
import { makeWorld } from '../train/world.ts'

test.each([
  [
    ['runs/va', 'runs/va-mia'],
    ['va', 'va-mia'],
  ],
  [
    ['seed-1/va', 'seed-2/va/'],
    ['seed-1/va', 'seed-2/va'],
  ],
])('the short names of %j are %j', (runs, names) => {
  expect(shortNames(runs)).toEqual(names)
})

describe('compareRuns()', () => {
  const common = { engine: nodeEngine, split: 'val', bootstrap: { samples: 200, seed: 1 } } as const
  let base: string
  let runs: string[]
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'mia-compare-'))
    const config = await makeWorld(join(base, 'data'), { epochs: 3, copies: 2 })
    runs = [1, 2].map((seed) => join(base, `seed-${seed}`))
    for (const [i, folder] of runs.entries()) {
      const training = { ...config.training, seed: i + 1, learningRate: i === 0 ? 1e-3 : 1e-2 }
      const run = await beginRun(folder, { ...config, training })
      await trainCaptioner({ engine: nodeEngine, ...run })
      await run.release()
    }
  }, 120_000)
  afterAll(() => rm(base, { recursive: true, force: true }))

  test('scores each run as mia test does, and the differences are those from the first run', async () => {
    const { images, runs: compared, differences } = await compareRuns({ ...common, runs })
    expect(images).toHaveLength(24)
    for (const [i, run] of runs.entries()) {
      const { scores } = await testRun({ engine: nodeEngine, run, split: 'val' })
      for (const { name, score } of compared[i]!.scores)
        if (name in scores) expect(score).toBeCloseTo(scores[name]!, 10)
    }
    const [first, second] = compared.map(({ scores }) => scores.find(({ name }) => name === 'CIDEr')!)
    expect(first!.comparison).toBeUndefined()
    expect(second!.comparison!.difference).toBeCloseTo(second!.score - first!.score, 12)
    expect(second!.comparison!.p).toBeLessThan(0.05) // ten times the learning rate learns this world in three epochs
    expect(differences).toEqual([
      { name: 'seed', values: ['1', '2'] },
      { name: 'learningRate', values: ['0.001', '0.01'] },
    ])
    const html = await comparePage(new CountingPictures(), { images, runs: compared, differences })
    expect(html).not.toMatch(/https?:|<link|src="(?!data:)|NaN/)
    expect(html).toContain('<th scope="col">seed-2</th><th scope="col">difference</th>')
    expect(html.match(/<article>/g)!.length).toBeGreaterThan(0)
  })

  test('of two equal runs finds no difference', async () => {
    const copy = join(base, 'copy')
    await cp(runs[0]!, copy, { recursive: true })
    const { runs: compared, differences } = await compareRuns({ ...common, runs: [runs[0]!, copy] })
    for (const { comparison } of compared[1]!.scores) expect(comparison).toMatchObject({ p: 1 })
    expect(differences).toEqual([])
  })

  test('compares runs that caption together as mia test scores them', async () => {
    const [one, two] = runs as [string, string]
    const { runs: compared, differences } = await compareRuns({ ...common, runs: [one, `${one},${two}`] })
    const { scores } = await testRun({ engine: nodeEngine, run: one, others: [two], split: 'val' })
    const [alone, together] = compared
    expect(together).toMatchObject({ name: 'seed-1+seed-2', epochs: [] })
    const cider = together!.scores.find(({ name }) => name === 'CIDEr')!
    expect(cider.score).toBeCloseTo(scores.CIDEr!, 10)
    const { score } = alone!.scores.find(({ name }) => name === 'CIDEr')!
    expect(cider.comparison!.difference).toBeCloseTo(cider.score - score, 12)
    expect(cider.score).not.toBeCloseTo(score, 3)
    expect(differences).toContainEqual({ name: 'seed', values: ['1', '1, 2'] })
    for (const same of [`${two},${one}`, `${one},${two}/`])
      await expect(compareRuns({ ...common, runs: [`${one},${two}`, same] })).rejects.toThrow('is given twice')
    await expect(compareRuns({ ...common, runs: [one, `${two},${two}`] })).rejects.toThrow('a run and itself together')
  })

  test('refuses one run, and a run with itself', async () => {
    await expect(compareRuns({ ...common, runs: [`${runs[0]},`, runs[1]!] })).rejects.toThrow('no run beside a comma')
    await expect(compareRuns({ ...common, runs: runs.slice(0, 1) })).rejects.toThrow('Cannot compare one run')
    await expect(compareRuns({ ...common, runs: [runs[0]!, `${runs[0]}/`] })).rejects.toThrow('is given twice')
  })
})
