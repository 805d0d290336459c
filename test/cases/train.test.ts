import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mia } from '../cli/mia.ts'
import { temporaryFolder } from '../support/folder.ts'

// Trainings of the field, with pictures that are drawn.
const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))

describe.skipIf(!existsSync(cases))('train, with the files of the field (needs ../shared)', () => {
  test('few-pictures-cider-zero: a CIDEr that is always 0 does not choose epoch 1; no NaN in the table', async () => {
    const folder = await temporaryFolder()
    const run = async (line: string): Promise<string> => {
      const { status, stdout, stderr } = await mia(line.replaceAll('@', folder).split(' '))
      expect(status, stderr).toBe(0)
      return stdout
    }
    const photos = join(cases, 'few-pictures-cider-zero/photos')
    await run(`prepare folder --root ${photos} --out @/data --min-count 1 --quiet`)
    await run('features --data @/data --quiet')
    const hyperparameters = '--epochs 6 --batch-size 10 --learning-rate 0.002'
    expect(await run(`train --data @/data --out @/run ${hyperparameters} --quiet`)).toMatch(
      /other epochs had the same CIDEr: the log-likelihood of the references \(-\d\.\d+ per word\) decided/,
    )
    const table = await run('test --run @/run --split train --quiet')
    expect(Number(/Bleu_1 +(\S+)/.exec(table)![1])).toBeGreaterThan(0.4)
    expect(table).not.toContain('NaN')
  })
})
