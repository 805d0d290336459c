import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { conceptsFolder } from '../../src/disk/dataset-files.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { withLock } from '../../src/disk/lock.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { trainConceptDetector } from '../../src/train/concept-training.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

/** Begins a run of two epochs and stops it after all steps, before the validation of the second. */
async function stopBeforeValidation(): Promise<{ folder: string; config: RunConfig }> {
  const base = await temporaryFolder()
  const folder = join(base, 'run')
  const config = await makeWorld(join(base, 'data'), { epochs: 2 })
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

test('two trainings of the concept detector of one dataset do not mix their files: the second is refused', async () => {
  const data = await temporaryFolder()
  await makeWorld(data)
  const train = () => trainConceptDetector({ engine: nodeEngine, data, seed: 1, epochs: 1 })
  await withLock(conceptsFolder(data), 'concepts', async () => {
    await expect(train()).rejects.toThrow(`Cannot use concepts "${conceptsFolder(data)}": this process uses it already`)
  })
  await train()
})
