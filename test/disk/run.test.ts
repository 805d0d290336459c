import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openRun, runFiles, writeRunConfig } from '../../src/disk/run.ts'
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

  test('names the weights and the configuration if they do not fit', async () => {
    const folder = await temporaryFolder()
    await writeSmallRun(folder)
    const config = smallConfig()
    await writeRunConfig(folder, { ...config, model: { ...config.model, attentionSize: 2 } })
    await expect(openRun(folder)).rejects.toThrow(
      `Cannot read weights "${runFiles(folder).weights}": "decoder.attention.region.weight" is [5, 8] and should be ` +
        '[2, 8]; the sizes are those of config.json',
    )
  })

  test.each([
    ['cnn.onnx', true],
    ['../cnn.onnx', false],
    ['', false],
    ['folder', false],
  ])('takes a network "%s" from the folder of the run: %s', async (file, isTaken) => {
    const base = await temporaryFolder()
    const folder = join(base, 'run')
    await mkdir(join(folder, 'folder'), { recursive: true })
    await writeSmallRun(folder)
    for (const path of [join(base, 'cnn.onnx'), join(folder, 'cnn.onnx')]) await writeFile(path, '')
    const { features, ...config } = smallConfig()
    if (features.kind !== 'grid') throw new Error('the small run has another source')
    await writeRunConfig(folder, { ...config, features: { ...features, network: { file, sha256: 'ab12' } } })
    const opened = (await openRun(folder)).config.features
    expect(opened).toMatchObject({ network: { file: isTaken ? join(folder, file) : file } })
  })
})
