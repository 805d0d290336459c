import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDetector, writeConcepts } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder } from '../../src/disk/dataset-files.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { testRun } from '../../src/evaluation/test-run.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { temporaryFolder } from '../support/folder.ts'
import { halves } from '../support/small-run.ts'
import { makeWorld } from '../train/world.ts'

const search = { engine: nodeEngine, split: 'val', search: { beam: 1, maxLength: 4 } } as const

test.each([true, false])(
  'testRun() refuses the concepts of another detector than the run has (--data: %s)',
  async (given) => {
    const base = await temporaryFolder()
    const [run, data] = [join(base, 'run'), join(base, 'data')]
    const config = await makeWorld(data, { mia: true })
    await (await beginRun(run, config)).release()
    await writeSafetensors(runFiles(run).weights, halves(createCaptioner(config.model).parameters))
    const detector = await readDetector(conceptsFolder(data))
    const { words } = detector.info
    await writeConcepts(
      conceptsFile(data),
      { ...detector, info: { ...detector.info, words: [...words].reverse() } },
      [],
    )
    await expect(testRun({ ...search, run, ...(given && { data }) })).rejects.toThrow(
      `Cannot use concepts "${conceptsFile(data)}" with the run "${run}": they come from another concept detector`,
    )
  },
)
