import { rm, writeFile } from 'node:fs/promises'
import { beforeEach, expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readConcepts } from '../../src/disk/concept-files.ts'
import { conceptsFile } from '../../src/disk/dataset-files.ts'
import { runFiles } from '../../src/disk/run.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { configureRun, type RunChoices } from '../../src/train/configure.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

let config: RunConfig
let choices: RunChoices
beforeEach(async () => {
  config = await makeWorld(await temporaryFolder(), { mia: true })
  const { regions: _, featureSize: __, vocabularySize: ___, ...model } = config.model
  choices = {
    data: config.data.folder,
    model,
    training: config.training,
  }
})

test('configureRun() takes sizes of features and vocabulary, and the source of the features, from the dataset', async () => {
  expect(await configureRun(choices)).toEqual(config)
})

test('configureRun() refuses a batch size that is no multiple of the captions per image', async () => {
  const training = { ...choices.training, batchSize: 9 }
  await expect(configureRun({ ...choices, training })).rejects.toThrow(
    'Cannot train with --batch-size 9: it must be a multiple of --captions-per-image 2',
  )
})

test('configureRun() refuses heads that do not divide the hidden size', async () => {
  const model = { ...choices.model, numHeads: 5 }
  await expect(configureRun({ ...choices, model })).rejects.toThrow(
    'Cannot train with --num-heads 5: --hidden-size 32 must be a multiple of it',
  )
})

test('configureRun() requires concepts only if the model uses them', async () => {
  await rm(conceptsFile(choices.data))
  await expect(configureRun(choices)).rejects.toThrow('Cannot train VisualAttention with MIA')
  const mia = false
  await expect(
    configureRun({ ...choices, model: { ...choices.model, mia, basicModel: 'ConceptAttention' } }),
  ).rejects.toThrow('Cannot train ConceptAttention on')
  expect((await configureRun({ ...choices, model: { ...choices.model, mia } })).model.mia).toBe(false)
})

test('configureRun() takes as many concepts as regions by default, or as many as every image has, if that is fewer', async () => {
  const concepts = async (change: Partial<RunChoices['model']> = {}) =>
    (await configureRun({ ...choices, model: { ...choices.model, concepts: undefined, ...change } })).model.concepts
  const stored = [...(await readConcepts(conceptsFile(choices.data))).values()]
  const keep = (count: (place: number) => number) =>
    writeFile(
      conceptsFile(choices.data),
      stored
        .map((entry, i) => {
          const words = [...entry.words, 'a', 'is'].slice(0, count(i))
          return JSON.stringify({ ...entry, words, scores: words.map(() => 1) })
        })
        .join('\n'),
    )
  expect(await concepts()).toBe(4)
  await keep(() => 6)
  expect(await concepts()).toBe(4)
  await keep((place) => (place === 5 ? 2 : 3))
  expect(await concepts()).toBe(2)
  expect(await concepts({ concepts: 3 })).toBe(3)
  expect(await concepts({ mia: false })).toBe(4)
  expect(await concepts({ mia: false, basicModel: 'ConceptAttention' })).toBe(2)
})

test('configureRun() refuses to continue a run of another vocabulary', async () => {
  const run = await temporaryFolder()
  const vocabulary = Vocabulary.build([['a', 'dog']], { minCount: 1 })
  await writeFile(runFiles(run).vocabulary, JSON.stringify(vocabulary))
  const training = { ...choices.training, from: { run, sha256: '' } }
  await expect(configureRun({ ...choices, training })).rejects.toThrow(
    new RegExp(
      `^Cannot train from the run "${run}" on dataset "${choices.data}": their vocabularies differ \\(it has \\d+ words, the run's has 6\\)`,
    ),
  )
})
