import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readRunConfig } from '../../src/disk/run.ts'
import { beginRun, resumeRun } from '../../src/disk/run-folder.ts'
import { published } from '../../src/models/config.ts'

let base: string
let folder: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'runs-'))
  folder = join(base, 'runs', 'va')
  await mkdir(join(base, 'data'))
  await writeFile(join(base, 'data', 'vocabulary.json'), '{"a": "vocabulary"}')
})
afterEach(() => rm(base, { recursive: true }))

const config = (): RunConfig => ({
  model: {
    ...published,
    basicModel: 'VisualAttention',
    mia: false,
    regions: 49,
    paddedRegions: false,
    concepts: 49,
    featureSize: 1280,
    vocabularySize: 2535,
  },
  training: {
    seed: 1,
    epochs: 30,
    imagesPerBatch: 16,
    captionsPerImage: 5,
    augmentations: 0,
    learningRate: 5e-4,
    learningRateDecayStart: 20,
    learningRateDecayEvery: 50,
    labelSmoothing: 0.1,
    emaDecay: 0,
    gradientClipping: { kind: 'value', limit: 0.1 },
    adam: { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 },
    beam: 3,
    maxLength: 20,
  },
  data: { name: 'flickr8k', folder: join(base, 'data') },
  features: {
    kind: 'grid',
    network: { file: 'cnn.onnx', sha256: 'ab12' },
    layer: 'features',
    preprocessing: { width: 224, height: 224, channels: 'RGB', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    regions: 49,
    size: 1280,
  },
})

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
    await expect(beginRun(folder, other)).rejects.toThrow(`Cannot begin a run in "${folder}": it holds one already`)
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

describe('resumeRun()', () => {
  test('gives the configuration that the run was begun with', async () => {
    await (await beginRun(folder, config())).release()
    const run = await resumeRun(folder)
    expect(run.config).toEqual(config())
    await run.release()
  })

  test('refuses a folder without a run, and one that another process trains in', async () => {
    await expect(resumeRun(folder)).rejects.toThrow(`Cannot go on with the run "${folder}": there is none`)
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
