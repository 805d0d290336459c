import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JournalEntry } from '../../src/disk/journal.ts'
import { runFiles } from '../../src/disk/run.ts'
import { EventFile } from '../../src/report/event-file.ts'
import { temporaryFolder } from '../support/folder.ts'

const at = (second: number) => new Date(1764145640000 + 1000 * second).toISOString()
const step = (number: number): JournalEntry => ({
  kind: 'step',
  step: number,
  epoch: 1,
  loss: 10 / number,
  learningRate: 5e-4,
  time: at(number),
})
const epoch: JournalEntry = {
  kind: 'epoch',
  step: 50,
  epoch: 1,
  loss: 3,
  scores: { Bleu_4: 0.25, CIDEr: 0.5 },
  best: true,
  time: at(60),
}

/** A run's folder with a log of these entries and the samples of epoch 1. */
async function runWith(entries: readonly JournalEntry[]): Promise<string> {
  const folder = await temporaryFolder()
  const files = runFiles(folder)
  await writeFile(files.log, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  await mkdir(files.samples)
  const sample = { id: 'a_b', caption: 'a dog', cider: 1, references: ['a <red> dog'] }
  await writeFile(join(files.samples, 'epoch-001.json'), JSON.stringify([sample]))
  return folder
}

async function append(folder: string, before: readonly JournalEntry[], entries: readonly JournalEntry[]) {
  const events = await EventFile.open(folder, before)
  for (const entry of entries) await events.append(entry)
  await events.close()
}

const eventFiles = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith('events.'))
const contentOf = async (folder: string): Promise<Buffer> => {
  const names = await eventFiles(folder)
  expect(names).toEqual(['events.out.tfevents.1764145665.mia'])
  return readFile(join(folder, names[0]!))
}

describe('EventFile', () => {
  const all = [step(25), step(50), epoch]

  test('appended to entry by entry is what it is when written at once', async () => {
    const [slowly, atOnce, resumed] = await Promise.all([runWith(all), runWith(all), runWith(all)])
    await append(slowly, [], all)
    await append(atOnce, all, [])
    await append(resumed, [], all.slice(0, 1))
    await append(resumed, all.slice(0, 1), all.slice(1))
    expect((await contentOf(atOnce)).equals(await contentOf(slowly))).toBe(true)
    expect((await contentOf(resumed)).equals(await contentOf(slowly))).toBe(true)
  })

  test('drops what a resumed run does again, and a record torn by a kill', async () => {
    const [whole, killed] = await Promise.all([runWith(all), runWith(all)])
    await append(whole, [], all)
    await append(killed, [], [step(25), step(50)])
    await append(killed, [step(25)], [step(50)]) // the checkpoint was that of step 25
    const path = join(killed, (await eventFiles(killed))[0]!)
    await truncate(path, (await readFile(path)).length - 3)
    await append(killed, [step(25), step(50)], [epoch])
    expect((await contentOf(killed)).equals(await contentOf(whole))).toBe(true)
  })

  test('of a run that starts over from nothing replaces the one before', async () => {
    const folder = await runWith([])
    await append(folder, [], [step(10)])
    await append(folder, [], all)
    await contentOf(folder)
    await append(folder, [], [])
    expect(await eventFiles(folder)).toEqual([])
  })

  const python = 'from tensorboard.backend.event_processing.event_accumulator import EventAccumulator'
  const has = (() => {
    try {
      execFileSync('python3', ['-c', python], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })()

  test.skipIf(!has)('is read by TensorBoard itself (needs its Python package)', async () => {
    const folder = await runWith(all)
    await append(folder, [], all)
    const script = `import sys, json
${python}
events = EventAccumulator(sys.argv[1]).Reload()
scalars = {tag: [[e.step, e.wall_time, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}
texts = [e.tensor_proto.string_val[0].decode() for e in events.Tensors('val/captions')]
print(json.dumps({'scalars': scalars, 'texts': texts}))`
    const { scalars, texts } = JSON.parse(execFileSync('python3', ['-c', script, folder], { encoding: 'utf8' }))
    expect(scalars).toEqual({
      'train/loss': [
        [25, 1764145665, Math.fround(0.4)],
        [50, 1764145690, Math.fround(0.2)],
      ],
      'train/learning_rate': [25, 50].map((number) => [number, 1764145640 + number, Math.fround(5e-4)]),
      'epoch/loss': [[50, 1764145700, 3]],
      'val/Bleu_4': [[50, 1764145700, 0.25]],
      'val/CIDEr': [[50, 1764145700, 0.5]],
    })
    expect(texts).toEqual([
      '| image | caption | CIDEr | first reference |\n| --- | --- | --- | --- |\n' +
        '| a\\_b | a dog | 1.00 | a \\<red\\> dog |\n',
    ])
  })
})
