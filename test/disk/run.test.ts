import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openRun, runFiles } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { damaged, damages } from '../support/damaged-weights.ts'
import { temporaryFolder } from '../support/folder.ts'
import { smallConfig, smallVocabulary, writeSmallRun } from '../support/small-run.ts'

describe('openRun()', () => {
  test('returns configuration, vocabulary and weights of a run', async () => {
    const folder = await temporaryFolder()
    const weights = await writeSmallRun(folder)
    const run = await openRun(folder)
    expect(run).toMatchObject({ name: folder, config: smallConfig(), detector: undefined })
    expect(run.vocabulary.words).toEqual(smallVocabulary.words)
    expect(run.weights).toEqual(weights)
  })

  test.each(damages)('refuses weights with %s', async (_, damage, why) => {
    const folder = await temporaryFolder()
    const weights = await writeSmallRun(folder)
    for (const name of weights.keys()) {
      await writeSafetensors(runFiles(folder).weights, damaged(weights, name, damage))
      await expect(openRun(folder)).rejects.toThrow(UserError)
      await expect(openRun(folder)).rejects.toThrow(why)
      await expect(openRun(folder)).rejects.toThrow(`Cannot read weights "${join(folder, 'weights.safetensors')}"`)
    }
  })

  test('refuses a vocabulary of another size', async () => {
    const folder = await temporaryFolder()
    await writeSmallRun(folder)
    const other = Vocabulary.build([['a', 'red', 'dog', 'barks']], { minCount: 1 })
    await writeFile(runFiles(folder).vocabulary, JSON.stringify(other))
    await expect(openRun(folder)).rejects.toThrow(
      `Cannot read run "${folder}": vocabulary.json has ${other.size} words, the model in config.json`,
    )
  })
})
