import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { detectorFiles, readDetector, writeConcepts, writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder } from '../../src/disk/dataset-files.ts'
import { readRunConfig, runFiles } from '../../src/disk/run.ts'
import { beginRun, checkSameVocabulary, resumeRun } from '../../src/disk/run-folder.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { halves, smallConfig, smallVocabulary } from '../support/small-run.ts'

let base: string
let folder: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'runs-'))
  folder = join(base, 'runs', 'va')
  await mkdir(join(base, 'data'))
  await writeFile(join(base, 'data', 'vocabulary.json'), '{"a": "vocabulary"}')
})
afterEach(() => rm(base, { recursive: true }))

const config = (): RunConfig => smallConfig(join(base, 'data'))

describe('beginRun()', () => {
  test('writes the configuration and the vocabulary of the dataset, and locks the folder until it is released', async () => {
    const run = await beginRun(folder, config())
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'lock.json', 'vocabulary.json'])
    expect(await readRunConfig(folder)).toEqual(config())
    expect(await readFile(join(folder, 'vocabulary.json'), 'utf8')).toBe('{"a": "vocabulary"}')
    await expect(resumeRun(folder)).rejects.toThrow(`Cannot use run folder "${folder}": this process uses it already`)
    await run.release()
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'vocabulary.json'])
  })

  test('refuses a folder that holds a run, changes nothing in it and leaves it unlocked', async () => {
    await (await beginRun(folder, config())).release()
    const other = { ...config(), data: { ...config().data, name: 'coco' } }
    await expect(beginRun(folder, other)).rejects.toThrow(`Cannot begin a run in "${folder}": it already holds one`)
    expect(await readRunConfig(folder)).toEqual(config())
    await (await resumeRun(folder)).release()
  })

  test('that fails leaves no configuration, so the same run can be begun again', async () => {
    await rm(join(base, 'data', 'vocabulary.json'))
    await expect(beginRun(folder, config())).rejects.toThrow('vocabulary.json')
    expect(await readdir(folder)).toEqual([])
    await writeFile(join(base, 'data', 'vocabulary.json'), '{}')
    await (await beginRun(folder, config())).release()
  })
})

describe('beginRun() of a model with concepts', () => {
  const info = {
    words: ['dog'],
    features: smallConfig().features,
    meanAveragePrecision: 1,
    averagePrecision: { dog: 1 },
  }
  const weights = halves(detectorFor(1, smallConfig().features).parameters)
  const withConcepts = (): RunConfig => ({ ...config(), model: { ...config().model, mia: true } })

  test('copies the concept detector, description and weights as one', async () => {
    await writeDetector(conceptsFolder(join(base, 'data')), { info, weights })
    await writeFile(detectorFiles(conceptsFolder(join(base, 'data'))).info, 'of a detector before')
    await (await beginRun(folder, withConcepts())).release()
    expect(await readDetector(runFiles(folder).concepts)).toEqual({ info, weights })
    expect(JSON.parse(await readFile(detectorFiles(runFiles(folder).concepts).info, 'utf8'))).toMatchObject(info)
  })

  test('refuses concepts that an earlier detector of the dataset found', async () => {
    const data = conceptsFolder(join(base, 'data'))
    const earlier = { info: { ...info, words: ['cat'], averagePrecision: {} }, weights }
    await writeDetector(data, { info, weights })
    await writeConcepts(conceptsFile(join(base, 'data')), earlier, [])
    await expect(beginRun(folder, withConcepts())).rejects.toThrow(
      /concepts.jsonl" come from an earlier detector of the dataset; run "mia concepts detect --data .*" again/,
    )
    await writeConcepts(conceptsFile(join(base, 'data')), { info, weights }, [])
    await (await beginRun(folder, withConcepts())).release()
  })

  test('says which command makes the detector if there is none', async () => {
    await expect(beginRun(folder, withConcepts())).rejects.toThrow(
      /there is no ".*detector.safetensors"; make it with "mia concepts train"/,
    )
  })

  test('replaces symbolic links in the folder, and leaves their targets as they are', async () => {
    await writeDetector(conceptsFolder(join(base, 'data')), { info, weights })
    const files = detectorFiles(runFiles(folder).concepts)
    const links = [runFiles(folder).vocabulary, files.info, files.weights]
    await mkdir(runFiles(folder).concepts, { recursive: true })
    await writeFile(join(base, 'mine'), 'mine')
    for (const link of links) await symlink(join(base, 'mine'), link)
    await (await beginRun(folder, withConcepts())).release()
    expect(await readFile(join(base, 'mine'), 'utf8')).toBe('mine')
    for (const link of links) expect((await lstat(link)).isSymbolicLink()).toBe(false)
  })
})

describe('checkSameVocabulary()', () => {
  const build = (...words: string[]) => Vocabulary.build([words], { minCount: 1 })
  test('throws if the dataset was prepared anew with other words, whether as many or not', async () => {
    await writeFile(join(base, 'data', 'vocabulary.json'), JSON.stringify(smallVocabulary))
    await (await beginRun(folder, config())).release()
    const check = (vocabulary: Vocabulary) => checkSameVocabulary(folder, 'data/small', vocabulary)
    await check(build('a', 'red', 'dog'))
    await expect(check(build('a', 'red', 'cat'))).rejects.toThrow(
      `Cannot resume the run "${folder}": the vocabulary of dataset "data/small" has changed since the run began (word 5 is "cat", in the run "dog")`,
    )
    await expect(check(build('a', 'red'))).rejects.toThrow("(it has 6 words, the run's has 7)")
  })
})

describe('resumeRun()', () => {
  test('gives the configuration that the run was begun with', async () => {
    await (await beginRun(folder, config())).release()
    const run = await resumeRun(folder)
    expect(run.config).toEqual(config())
    await run.release()
  })

  test('refuses a folder without a run, and one that another process trains in', async () => {
    await expect(resumeRun(folder)).rejects.toThrow(`Cannot resume the run "${folder}": there is none`)
    await (await beginRun(folder, config())).release()
    const owner = { pid: process.ppid, host: hostname(), since: 'today' }
    await writeFile(join(folder, 'lock.json'), JSON.stringify(owner))
    await expect(resumeRun(folder)).rejects.toThrow(`process ${process.ppid} on ${hostname()}`)
  })

  test('names the field of a configuration that is wrong, and leaves the folder unlocked', async () => {
    await (await beginRun(folder, config())).release()
    const path = join(folder, 'config.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace('"epochs": 30', '"epochs": "many"'))
    await expect(resumeRun(folder)).rejects.toThrow(`Cannot read "${path}": training.epochs is "many"`)
    expect(await readdir(folder)).not.toContain('lock.json')
  })
})
