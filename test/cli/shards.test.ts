import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { conceptsFile } from '../../src/disk/dataset-files.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { TrainingState } from '../../src/train/state.ts'
import { temporaryFolder } from '../support/folder.ts'
import { LAUNCHERS, launch } from '../support/mpi.ts'
import { makeWorld } from '../train/world.ts'
import { mia } from './mia.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url)

/** A run with initial weights, on 72 validation images: two batches of captions, three of concepts. */
async function makeRun(): Promise<{ data: string; run: string }> {
  const base = await temporaryFolder()
  const [data, run] = [join(base, 'data'), join(base, 'run')]
  const config = await makeWorld(data, { copies: 6 })
  await (await beginRun(run, config)).release()
  const model = createCaptioner(config.model)
  await writeSafetensors(runFiles(run).weights, TrainingState.start([...model.parameters.values()], 1).weights, {})
  return { data, run }
}

/** What `command` writes, as one process does, and as shards and ranks do. */
async function compare(command: readonly string[], folder: string, file: string): Promise<void> {
  const written = async (): Promise<string> => {
    expect((await readdir(folder)).filter((name) => name.includes('part'))).toEqual([])
    return readFile(join(folder, file), 'utf8')
  }
  expect((await mia(command)).status).toBe(0)
  const alone = await written()
  for (const shard of ['2/3', '1/3']) {
    const { status, stdout } = await mia([...command, '--shard', shard])
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Part ${shard[0]} of 3 is done; the part that ends last puts the results together\n`,
    })
  }
  expect((await mia([...command, '--shard', '3/3'])).status).toBe(0)
  expect(await written()).toBe(alone)
  for (const launcher of LAUNCHERS) {
    expect((await launch(launcher, MAIN, command, { ranks: 2 })).status).toBe(0)
    expect(await written()).toBe(alone)
  }
}

test('mia concepts detect writes the same bytes by one process, by shards and by ranks', async () => {
  const { data } = await makeRun()
  await compare(['concepts', 'detect', '--data', data], join(conceptsFile(data), '..'), 'concepts.jsonl')
})

test('mia test writes the same captions by one process, by shards and by ranks', async () => {
  const { run } = await makeRun()
  const command = ['test', '--run', run, '--split', 'val', '--beam', '2']
  await compare(command, join(run, 'results'), 'val-beam2.json')
})

test.each(['0/2', '3/2', '2', '1/0', 'a/b'])('--shard %s is refused', async (shard) => {
  const { status, stderr } = await mia(['test', '--run', 'none', '--shard', shard])
  expect(stderr).toContain('It must be a part and the number of parts, as in 2/8')
  expect(status).toBe(2)
})
