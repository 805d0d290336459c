import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readDetector, writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFolder } from '../../src/disk/dataset-files.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { withLock } from '../../src/disk/lock.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { detectConcepts } from '../../src/train/concept-detection.ts'
import { trainConceptDetector } from '../../src/train/concept-training.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

/** Begins a run of two epochs and stops it after all steps, before the validation of the second. */
async function stopBeforeValidation({ mia = false } = {}): Promise<{ folder: string; config: RunConfig }> {
  const base = await temporaryFolder()
  const folder = join(base, 'run')
  const config = await makeWorld(join(base, 'data'), { epochs: 2, mia })
  await (await beginRun(folder, config)).release()
  const controller = new AbortController()
  const training = trainCaptioner({
    engine: nodeEngine,
    folder,
    config,
    onProgress: (step, total) => step === total && controller.abort(),
    signal: controller.signal,
  })
  await expect(training).rejects.toThrow('aborted')
  return { folder, config }
}

test('an epoch whose checkpoint a kill prevented is in the log once after the run is resumed', async () => {
  const { folder, config } = await stopBeforeValidation()
  const { log } = runFiles(folder)
  const epochs = async () => (await readJournal(log)).filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)
  expect(await epochs()).toEqual([1])
  const [first] = (await readJournal(log)).filter(({ kind }) => kind === 'epoch')
  await appendFile(log, `${JSON.stringify({ ...first, epoch: 2, step: 2 * first!.step })}\n`)
  await trainCaptioner({ engine: nodeEngine, folder, config })
  expect(await epochs()).toEqual([1, 2])
})

test('a run is not resumed on a dataset that was prepared anew with other words', async () => {
  const { folder, config } = await stopBeforeValidation()
  const path = join(config.data.folder, 'vocabulary.json')
  await writeFile(path, (await readFile(path, 'utf8')).replace('"dog"', '"hound"'))
  await expect(trainCaptioner({ engine: nodeEngine, folder, config })).rejects.toThrow(
    /^Cannot resume the run ".*run": the vocabulary of dataset ".*data" has changed since the run began \(word \d+ is "hound", in the run "dog"\)/,
  )
})

/** Rewrites the images of a dataset as JSON Lines. */
async function changeImages(data: string, change: (lines: readonly string[]) => readonly string[]): Promise<void> {
  const path = join(data, 'images.jsonl')
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const changed = change(lines)
  await writeFile(path, `${changed.join('\n')}\n`)
  const header = join(data, 'dataset.json')
  const [of, to] = [lines, changed].map((each) => each.filter((line) => line.includes('"val"')).length)
  await writeFile(header, (await readFile(header, 'utf8')).replace(`"val": ${of}`, `"val": ${to}`))
}

test.each<[string, (lines: readonly string[]) => readonly string[], RegExp]>([
  [
    'whose images moved between the splits, with the same words',
    (lines) =>
      lines.map((line) => line.replace(/"(train|val)"/, (_, split) => (split === 'train' ? '"val"' : '"train"'))),
    /the training images of dataset ".*data" have changed since the run began \(12 images as before, with other ids/,
  ],
  [
    'with a validation image less',
    (lines) => lines.filter((line) => !line.includes('"val-red-dog"')),
    /the validation images of dataset ".*data" have changed since the run began \(11 images instead of 12 images\)/,
  ],
  [
    'with other captions',
    (lines) =>
      lines.map((line) =>
        line.replace('["a red dog"', '["a dog red"').replace('"tokens":["a red dog"', '"tokens":["a dog red"'),
      ),
    /the training images of dataset ".*data" have changed/,
  ],
])('a run is not resumed on a dataset %s', async (_, change, message) => {
  const { folder, config } = await stopBeforeValidation()
  await changeImages(config.data.folder, change)
  const resumed = trainCaptioner({ engine: nodeEngine, folder, config })
  await expect(resumed).rejects.toThrow(`Cannot resume the run "${folder}": `)
  await expect(resumed).rejects.toThrow(message)
})

test('a run that began before runs kept what identifies their data is resumed', async () => {
  const { folder, config } = await stopBeforeValidation()
  await rm(runFiles(folder).data)
  await expect(trainCaptioner({ engine: nodeEngine, folder, config })).resolves.toMatchObject({ epoch: 2 })
})

test('a run is not resumed on the concepts of another detector, and is with those of its own', async () => {
  const { folder, config } = await stopBeforeValidation({ mia: true })
  const data = config.data.folder
  const own = await readDetector(runFiles(folder).concepts)
  await detectConcepts({ engine: nodeEngine, data })
  const weights = new Map(
    [...own.weights].map(([name, each]) => [name, { ...each, data: each.data.map((x) => x + 1) }]),
  )
  await writeDetector(conceptsFolder(data), { ...own, weights })
  await detectConcepts({ engine: nodeEngine, data })
  await expect(trainCaptioner({ engine: nodeEngine, folder, config })).rejects.toThrow(
    `with the run "${folder}": they come from another concept detector than the run's; copy the files of ` +
      `"${runFiles(folder).concepts}" into "${conceptsFolder(data)}" and run "mia concepts detect --data ${data}"`,
  )
  await cp(runFiles(folder).concepts, conceptsFolder(data), { recursive: true })
  await detectConcepts({ engine: nodeEngine, data })
  await expect(trainCaptioner({ engine: nodeEngine, folder, config })).resolves.toMatchObject({ epoch: 2 })
})

test('two trainings of the concept detector of one dataset do not mix their files: the second is refused', async () => {
  const data = await temporaryFolder()
  await makeWorld(data)
  const train = () => trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })
  await withLock(conceptsFolder(data), 'concepts', async () => {
    await expect(train()).rejects.toThrow(`Cannot use concepts "${conceptsFolder(data)}": this process uses it already`)
  })
  await train()
})
