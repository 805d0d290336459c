import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listRuns } from '../../src/disk/list-runs.ts'
import { runFiles, writeRunConfig } from '../../src/disk/run.ts'
import { temporaryFolder } from '../support/folder.ts'
import { smallConfig } from '../support/small-run.ts'

const epoch = (number: number, CIDEr: number): string =>
  `${JSON.stringify({ kind: 'epoch', step: 10 * number, epoch: number, scores: { CIDEr } })}\n`

test('listRuns() lists the runs by name with their best epoch, and skips what is not a run', async () => {
  const folder = await temporaryFolder()
  for (const name of ['b', 'a', 'c']) await writeRunConfig(join(folder, name), smallConfig())
  await mkdir(join(folder, 'empty'))
  await writeFile(join(folder, 'file'), '')
  await writeFile(runFiles(join(folder, 'b')).log, epoch(1, 0.5) + epoch(2, 0.7) + epoch(3, 0.6))
  const [a, b, c] = await listRuns(folder)
  expect([a!.run, b!.run, c!.run]).toEqual(['a', 'b', 'c'].map((name) => join(folder, name)))
  expect(a).toMatchObject({ basicModel: 'VisualAttention', mia: false, control: false, data: 'small', epochs: 0 })
  expect(b).toMatchObject({ epochs: 3, cider: 0.7, epoch: 2 })
})

test.each(['{"kind":"epoch","step":1}', '{"kind":"epoch","step":1,"epoch":2,"scores":null}', 'not JSON', '7'])(
  'an odd line in the log of a run hides no run, and no other line: %s',
  async (line) => {
    const folder = await temporaryFolder()
    for (const name of ['a', 'b']) await writeRunConfig(join(folder, name), smallConfig())
    await writeFile(runFiles(join(folder, 'a')).log, epoch(1, 0.5))
    await appendFile(runFiles(join(folder, 'a')).log, `${line}\n`)
    expect(await listRuns(folder)).toMatchObject([{ epochs: 1, cider: 0.5, epoch: 1 }, { epochs: 0 }])
  },
)

test('a damaged run is left out and named, a folder that is no run is not', async () => {
  const folder = await temporaryFolder()
  for (const name of ['a', 'b', 'c']) await writeRunConfig(join(folder, name), smallConfig())
  await mkdir(join(folder, 'empty'))
  await writeFile(runFiles(join(folder, 'a')).config, '{}')
  await writeFile(join(folder, 'c', 'card.json'), '{')
  const damaged: string[] = []
  const runs = await listRuns(folder, { onDamaged: (run, error) => damaged.push(run, error.message) })
  expect(runs.map(({ run }) => run)).toEqual([join(folder, 'b')])
  expect(damaged).toEqual([
    join(folder, 'a'),
    expect.stringContaining(`Cannot read "${runFiles(join(folder, 'a')).config}"`),
    join(folder, 'c'),
    expect.stringContaining(`Cannot read card "${join(folder, 'c', 'card.json')}": it is not JSON`),
  ])
})

test('of epochs with the same CIDEr the one whose weights were kept is listed', async () => {
  const folder = await temporaryFolder()
  await writeRunConfig(join(folder, 'a'), smallConfig())
  const tied = (number: number, best: boolean) => epoch(number, 0).replace('}}', `},"best":${best}}`)
  await writeFile(runFiles(join(folder, 'a')).log, tied(1, true) + tied(2, true) + tied(3, false))
  expect(await listRuns(folder)).toMatchObject([{ epochs: 3, cider: 0, epoch: 2 }])
})

test('an epoch that is in the log twice counts once', async () => {
  const folder = await temporaryFolder()
  await writeRunConfig(join(folder, 'a'), smallConfig())
  await writeFile(runFiles(join(folder, 'a')).log, epoch(1, 0.5) + epoch(2, 0.6) + epoch(2, 0.6))
  expect(await listRuns(folder)).toMatchObject([{ epochs: 2, epoch: 2 }])
})

test('a folder that is missing or is a file is named, with what to do', async () => {
  const folder = await temporaryFolder()
  await expect(listRuns(join(folder, 'none'))).rejects.toThrow(/there is no such folder; train one with "mia train"/)
  await writeFile(join(folder, 'file'), '')
  await expect(listRuns(join(folder, 'file'))).rejects.toThrow('a part of its path is a file, not a folder')
})
