import { cp, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { formatRunConfig, parseRunConfig } from '../../../src/caption/run-config.ts'
import { type Card, formatCard, readCard } from '../../../src/disk/card-file.ts'
import { detectorFiles, readConcepts, readDetector } from '../../../src/disk/concept-files.ts'
import { conceptsFolder } from '../../../src/disk/dataset-files.ts'
import { type FeatureIndex, readIndex, writeIndex } from '../../../src/disk/feature-index.ts'
import { readJson } from '../../../src/disk/files.ts'
import { readEpochs, readJournal } from '../../../src/disk/journal.ts'
import { openRun, writeCalibration } from '../../../src/disk/run.ts'
import { readSafetensors, writeSafetensors } from '../../../src/disk/safetensors-file.ts'
import { historyOf } from '../../../src/report/history.ts'
import { readSamples } from '../../../src/report/samples.ts'
import { Vocabulary } from '../../../src/text/vocabulary.ts'
import { type PreprocessorConfig, preprocessorConfig } from '../../../src/vision/networks/preprocessor-config.ts'
import { smallConfig, writeSmallRun } from '../../../test/support/small-run.ts'
import { makeWorld } from '../../../test/train/world.ts'
import { disagreement, encode, type Format, type Mutant, parsed } from '../format.ts'

const asTheFileSays = ({ bytes }: Mutant, result: unknown): string | undefined => {
  const path = disagreement(JSON.parse(JSON.stringify(result)), parsed(bytes))
  return path && `${path} is not as the file says`
}

/** A whole JSON file whose fields are read as they are. */
const json = (name: string, file: string, content: unknown, read: Format['read']): Format => ({
  name,
  file,
  json: 'whole',
  originals: async () => [encode(content)],
  read,
  wrong: asTheFileSays,
})

const INDEX = {
  format: 'mia-features/2',
  kind: 'grid',
  network: { file: 'a.onnx', sha256: '0'.repeat(64) },
  layer: 'x',
  preprocessing: { width: 8, height: 8, channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] },
  regions: 4,
  size: 8,
  dtype: 'F16',
  shards: [
    { file: 'shard-00000.safetensors', ids: ['a', 'b'] },
    { file: 'shard-00001.safetensors', ids: ['c'] },
  ],
  skipped: [{ id: 'd', file: 'd.jpg', reason: 'it is empty' }],
}

const CARD: Card = {
  terms: 'for research',
  version: '0.1.0',
  trained: { images: 4, captions: 8, epochs: 2, bestEpoch: 1 },
  parameters: 12,
  scores: [{ name: 'CIDEr', score: 0.5, signature: 'CIDEr-D' }],
  statements: { 'SPICE-ts_object': 0.5 },
  captions: { images: 2, beam: 3, different: 2, words: 4, mostFrequent: 'a dog', times: 1 },
  files: [{ path: 'weights.safetensors', bytes: 12, sha256: '0'.repeat(64) }],
}

const EPOCH = { kind: 'epoch', step: 2, epoch: 1, scores: { CIDEr: 0.5 }, best: true }
const STEP = { kind: 'step', step: 1, loss: 2.5, learningRate: 1e-4 }

type RunFile = 'config.json' | 'vocabulary.json' | 'calibration.json' | 'weights.safetensors'

/** A file of a trained run, which is opened. */
const ofRun = (name: string, file: RunFile): Format => ({
  name,
  file: `run/${file}`,
  ...(file.endsWith('json') && { json: 'whole' }),
  async originals(folder) {
    for (const place of [folder, join(folder, 'mutant')]) {
      await mkdir(join(place, 'run'), { recursive: true })
      await writeSmallRun(join(place, 'run'))
      await writeCalibration(join(place, 'run'), { intercept: 0.5, slope: 2 })
    }
    return [await readFile(join(folder, 'run', file))]
  },
  async read(path) {
    const { config, vocabulary, calibration, model } = await openRun(dirname(path))
    return {
      config: JSON.parse(formatRunConfig(config)),
      vocabulary: vocabulary.toJSON(),
      calibration,
      parameters: [...model.parameters.keys()],
    }
  },
  wrong({ bytes }, result) {
    if (!file.endsWith('json')) return undefined
    const path = disagreement((result as Record<string, unknown>)[file.slice(0, -5)], parsed(bytes))
    return path && `${path} is not as the file says`
  },
})

/** Makes the weights of a detector those of version 0.1.0, whose description is in `detector.json` alone. */
async function forgetDescription(folder: string): Promise<void> {
  const { weights } = detectorFiles(folder)
  const { tensors } = await readSafetensors(weights, 'concept detector')
  await writeSafetensors(weights, tensors)
}

/** The detector's files in a dataset. */
const ofDetector = (name: string, file: 'detector.json' | 'detector.safetensors'): Format => ({
  name,
  file: `data/concepts/${file}`,
  ...(file.endsWith('json') && { json: 'whole' }),
  async originals(folder) {
    await makeWorld(join(folder, 'data'))
    if (file.endsWith('json')) await forgetDescription(conceptsFolder(join(folder, 'data')))
    await cp(join(folder, 'data'), join(folder, 'mutant', 'data'), { recursive: true })
    return [await readFile(join(conceptsFolder(join(folder, 'data')), file))]
  },
  async read(path) {
    const { info, weights } = await readDetector(dirname(path))
    return { info, weights: new Map([...weights].map(([key, { data }]) => [key, data])) }
  },
})

/** The files of runs, features and concepts that are text. */
export const RUN_FILES: readonly Format[] = [
  json(
    'vocabulary',
    'vocabulary.json',
    Vocabulary.build([['a', 'red', 'dog']], { minCount: 1 }).toJSON(),
    async (path) => Vocabulary.fromJSON(await readJson(path, 'vocabulary'), path).toJSON(),
  ),
  json('run-config', 'config.json', JSON.parse(formatRunConfig(smallConfig())), async (path) =>
    parseRunConfig(await readJson(path, 'run'), path),
  ),
  json('card', 'card.json', JSON.parse(formatCard(CARD)), (path) => readCard(dirname(path))),
  json(
    'samples',
    'samples/epoch-1.json',
    [{ id: 'a', caption: 'a dog', cider: 0.5, references: ['a red dog'], probabilities: [0.5, 0.25] }],
    async (path) => (await readSamples(dirname(path))).get(1),
  ),
  {
    ...json('index', 'features/index.json', INDEX, (path) => readIndex(dirname(path))),
    wrong(mutant, result) {
      const ids = (result as typeof INDEX).shards.flatMap((shard) => shard.ids)
      return new Set(ids).size < ids.length ? 'it has an image twice' : asTheFileSays(mutant, result)
    },
  },
  {
    name: 'features-journal',
    file: 'features/index.jsonl',
    json: 'lines',
    lines: true,
    async originals(folder) {
      const journal = (place: string) => join(place, 'features')
      for (const place of [folder, join(folder, 'mutant')]) {
        const writer = await writeIndex(journal(place), INDEX as FeatureIndex)
        for (const [i, id] of ['e', 'f'].entries())
          await writer.append({ shard: { file: `shard-0000${i + 2}.safetensors`, ids: [id] } })
        await writer.close()
      }
      return [await readFile(join(journal(folder), 'index.jsonl'))]
    },
    read: (path) => readIndex(dirname(path)),
    wrong({ bytes }, result) {
      const found = result as FeatureIndex
      const ids = found.shards.flatMap((shard) => shard.ids)
      if (new Set(ids).size < ids.length) return 'it has an image twice'
      const lines = new TextDecoder().decode(bytes).split('\n')
      const said = lines.map((line) => (parsed(encode(line)) as { shard?: unknown } | undefined)?.shard)
      const added = found.shards.slice(INDEX.shards.length)
      return added.every((shard) => said.some((each) => each && !disagreement(shard, each)))
        ? undefined
        : 'it has a shard that no line has'
    },
  },
  {
    name: 'log',
    file: 'log.jsonl',
    json: 'lines',
    lines: true,
    originals: async () => [
      encode([STEP, EPOCH, { ...STEP, step: 3 }].map((each) => `${JSON.stringify(each)}\n`).join('')),
    ],
    async read(path) {
      const [entries, epochs] = [await readJournal(path), await readEpochs(path)]
      return { history: historyOf(entries), epochs }
    },
  },
  {
    name: 'concepts',
    file: 'concepts.jsonl',
    json: 'lines',
    lines: true,
    originals: async () => [
      encode('{"id":"a","words":["dog"],"scores":[0.5]}\n{"id":"b","words":["cat"],"scores":[0.25]}\n'),
    ],
    read: readConcepts,
    wrong({ bytes }, result) {
      const ids = new TextDecoder()
        .decode(bytes)
        .split('\n')
        .map((line) => (parsed(encode(line)) as { id?: unknown } | undefined)?.id)
      return (result as Map<string, unknown>).size < ids.filter((id) => id !== undefined).length
        ? 'an image is in it twice'
        : undefined
    },
  },
  {
    name: 'preprocessor-config',
    file: 'preprocessor_config.json',
    json: 'whole',
    originals: async () => [
      encode({ size: 224, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.25, 0.5] }),
    ],
    read: async (path) => preprocessorConfig(await readFile(path), path),
    wrong: (_, result) => {
      const { mean, std } = (result as PreprocessorConfig).normalisation
      return [...mean, ...std].every(Number.isFinite) ? undefined : 'pixels would not be finite'
    },
  },
  ofRun('config-of-run', 'config.json'),
  ofRun('run-vocabulary', 'vocabulary.json'),
  ofRun('calibration', 'calibration.json'),
  ofDetector('detector', 'detector.json'),
]

/** The weights of runs and detectors: see arrays.ts for the other files of numbers. */
export const WEIGHT_FILES: readonly Format[] = [
  ofRun('weights', 'weights.safetensors'),
  { ...ofDetector('detector-weights', 'detector.safetensors') },
]
