import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { reportOfRun } from '../../src/report/report-of-run.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from '../train/world.ts'

/** Begins a run with MIA on a dataset whose first validation image has a picture. */
async function begin(epochs = 2): Promise<{ folder: string; config: RunConfig }> {
  const base = await temporaryFolder()
  const folder = join(base, 'run')
  const data = join(base, 'data')
  const config = await makeWorld(data, { epochs, mia: true })
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(join(data, 'red-dog.png'))
  await (await beginRun(folder, config)).release()
  return { folder, config }
}

const rowsOf = async (folder: string): Promise<string[]> =>
  (await readFile(runFiles(folder).resultsCsv, 'utf8')).trimEnd().split('\r\n')

test('each epoch adds a row to results.csv and is on the page, with samples and their attention', async () => {
  const { folder, config } = await begin()
  await trainCaptioner({ engine: nodeEngine, folder, config })
  expect((await rowsOf(folder)).map((row) => row.split(',')[0])).toEqual(['epoch', '1', '2'])
  const html = await readFile(runFiles(folder).report, 'utf8')
  expect(html).toContain('2 <small>of 2</small>')
  expect(html.match(/<article /g)).toHaveLength(6)
  expect(html.match(/--picture:url\(data:image/g)).toHaveLength(1) // the others have no file
  expect(html.match(/class="hole"/g)!.length).toBeGreaterThan(24)
  expect(html).toContain('before MIA')
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('a run that was stopped and resumed has each epoch once, as an unbroken run has', async () => {
  const { folder, config } = await begin(3)
  const controller = new AbortController()
  const stopped = trainCaptioner({
    engine: nodeEngine,
    folder,
    config,
    onProgress: (step, total) => step === total - 1 && controller.abort(),
    signal: controller.signal,
  })
  await expect(stopped).rejects.toThrow('aborted')
  expect(await rowsOf(folder)).toHaveLength(3)
  await trainCaptioner({ engine: nodeEngine, folder, config })
  expect((await rowsOf(folder)).map((row) => row.split(',')[0])).toEqual(['epoch', '1', '2', '3'])
})

test('reportOfRun() writes what training wrote, also without the dataset: then it says why samples are missing', async () => {
  const { folder, config } = await begin()
  await trainCaptioner({ engine: nodeEngine, folder, config })
  const { report, resultsCsv } = runFiles(folder)
  const written = await Promise.all([report, resultsCsv].map((path) => readFile(path, 'utf8')))
  await rm(report)
  await rm(resultsCsv)
  expect(await reportOfRun({ engine: nodeEngine, folder })).toBe(2)
  expect(await Promise.all([report, resultsCsv].map((path) => readFile(path, 'utf8')))).toEqual(written)
  await rm(config.data.folder, { recursive: true })
  await reportOfRun({ engine: nodeEngine, folder })
  expect(await readFile(report, 'utf8')).toMatch(/No pictures and no attention: Cannot read .*dataset\.json/)
})

test('a run without a finished epoch cannot be reported on', async () => {
  const { folder } = await begin()
  await expect(reportOfRun({ engine: nodeEngine, folder })).rejects.toThrow(
    `Cannot report on the run "${folder}": its log has no finished epoch`,
  )
})
