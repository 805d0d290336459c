import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { Dataset, writeDataset } from '../src/data/dataset.ts'
import { readFlickr8k } from '../src/data/flickr8k.ts'
import { tokenLists } from '../src/data/prepare.ts'
import { openCaptionWriter } from '../src/disk/caption-writer.ts'
import { featuresFolder } from '../src/disk/dataset-files.ts'
import { FeatureStore } from '../src/disk/feature-store.ts'
import { FeatureWriter } from '../src/disk/feature-writer.ts'
import { runFiles } from '../src/disk/run.ts'
import { storedInputs } from '../src/disk/stored-inputs.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { evaluate, type MetricName } from '../src/metrics/index.ts'
import { Random } from '../src/random.ts'
import { reportOfRun } from '../src/report/report-of-run.ts'
import { captionTokens } from '../src/text/ptb.ts'
import { Vocabulary } from '../src/text/vocabulary.ts'
import { makeBatches } from '../src/train/batches.ts'
import { Collator } from '../src/train/collator.ts'
import { smallConfig, writeSmallRun } from '../test/support/small-run.ts'
import { source as gridSource } from '../test/train/world.ts'

/** Where a stage reads and writes, and how large its dataset is. */
export interface Growth {
  /** the folder of Flickr8k */
  readonly source: string
  readonly folder: string
  /** copies of Flickr8k */
  readonly times: number
}

/** What a stage did. */
export interface Work {
  readonly count: number
  /** of what, as in "pictures" */
  readonly of: string
}

const data = ({ folder }: Growth): string => join(folder, 'data')

/** Writes Flickr8k `times` times: `0-name.jpg` and so on. */
async function writeSource({ source, folder, times }: Growth): Promise<Work> {
  const lines = (await readFile(join(source, 'Flickr8k.token.txt'), 'utf8')).trim().split('\n')
  const out = createWriteStream(join(folder, 'Flickr8k.token.txt'))
  for (let copy = 0; copy < times; copy++) {
    const word = copy === 0 ? '' : `x${copy}`
    const part = lines.map((line) => `${copy}-${line.replace(/(\w+)( ?\.)?\s*$/, `$1${word}$2`)}\n`).join('')
    if (!out.write(part)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
  for (const split of ['train', 'dev']) {
    const names = (await readFile(join(source, `Flickr_8k.${split}Images.txt`), 'utf8')).trim().split('\n')
    const copies = Array.from({ length: times }, (_, copy) => names.map((name) => `${copy}-${name}\n`).join(''))
    await writeFile(join(folder, `Flickr_8k.${split}Images.txt`), copies.join(''))
  }
  return { count: lines.length * times, of: 'captions' }
}

/** What `mia prepare` does, but for looking whether each picture is there. */
async function prepareAll(growth: Growth): Promise<Work> {
  const { images, ...rest } = await readFlickr8k({ root: growth.folder })
  const entries = images.map((image) => ({
    ...image,
    tokens: image.captions.map((caption) => captionTokens(caption).join(' ')),
  }))
  const vocabulary = Vocabulary.build(tokenLists(entries.filter(({ split }) => split === 'train')))
  const content = { ...rest, source: { kind: 'flickr8k', files: [...rest.files] }, images: entries, vocabulary }
  await writeDataset(data(growth), content)
  return { count: entries.reduce((sum, { captions }) => sum + captions.length, 0), of: 'captions' }
}

async function writeFeatures(growth: Growth): Promise<Work> {
  const { images } = await Dataset.open(data(growth))
  const writer = await FeatureWriter.open(featuresFolder(data(growth)), gridSource)
  const features = Uint16Array.from({ length: gridSource.regions * gridSource.size }, (_, i) => 0x3000 + i)
  for (const { id } of images) await writer.add(id, { features })
  await writer.close()
  return { count: images.length, of: 'pictures' }
}

async function readFeatures(growth: Growth): Promise<Work> {
  const store = await FeatureStore.open(featuresFolder(data(growth)))
  const ids = store.header.shards.flatMap((shard) => shard.ids)
  const order = new Random(1).shuffle(Int32Array.from(ids.keys()))
  for (let first = 0; first < order.length; first += 16)
    await store.read([...order.subarray(first, first + 16)].map((i) => ids[i]!))
  await store.close()
  return { count: ids.length, of: 'pictures' }
}

async function collateEpoch(growth: Growth): Promise<Work> {
  const dataset = await Dataset.open(data(growth))
  const images = dataset.split('train')
  const store = await FeatureStore.open(featuresFolder(data(growth)))
  const config = smallConfig()
  const { size: featureSize, regions } = gridSource
  const collator = new Collator(images, dataset.vocabulary, await storedInputs(store, undefined), {
    ...config,
    model: { ...config.model, featureSize, regions },
  })
  const { batchSize, captionsPerImage } = config.training
  for (const batch of makeBatches(collator.items, {
    seed: 1,
    epoch: 0,
    lengths: collator.lengths,
    batchSize,
    captionsPerImage,
  }))
    await collator.collate(batch)
  await store.close()
  return { count: images.length, of: 'pictures' }
}

/** Scores of captions against the references of other images. */
const scored =
  (metrics: readonly MetricName[]) =>
  async (growth: Growth): Promise<Work> => {
    const { images } = await Dataset.open(data(growth))
    const references = Object.fromEntries(images.map(({ id, captions }) => [id, captions]))
    const results = images.map(({ id }, i) => ({
      image_id: id,
      caption: images[(i + 1) % images.length]!.captions[0]!,
    }))
    await evaluate({ references, results, metrics })
    return { count: images.length, of: 'captions' }
  }

/** The report of a run of 30 epochs, with the log lines of that many steps. */
async function report(growth: Growth): Promise<Work> {
  const run = join(growth.folder, 'run')
  await writeSmallRun(run)
  const perEpoch = 375 * growth.times // of 6,000 pictures in batches of 16
  let count = 0
  const out = createWriteStream(runFiles(run).log)
  for (let epoch = 1; epoch <= 30; epoch++) {
    const lines: string[] = []
    for (let i = 1; i <= perEpoch; i++)
      lines.push(
        JSON.stringify({ kind: 'step', step: (epoch - 1) * perEpoch + i, loss: 3 / epoch + (i % 7) / 10, rate: 1e-4 }),
      )
    const scores = { CIDEr: epoch / 100, 'BLEU-4': epoch / 200 }
    lines.push(JSON.stringify({ kind: 'epoch', step: epoch * perEpoch, epoch, scores, best: true, loss: 3 / epoch }))
    count += lines.length
    if (!out.write(`${lines.join('\n')}\n`)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
  await reportOfRun({ engine: nodeEngine, folder: run })
  return { count, of: 'lines of the log' }
}

async function writeCaptions(growth: Growth): Promise<Work> {
  const count = 7000 * growth.times
  const options = { out: join(growth.folder, 'captions.csv'), skipExisting: true }
  for (const half of [0, 1]) {
    const writer = await openCaptionWriter('csv', options) // the second time, it reads what is there
    for (let i = half * Math.ceil(count / 2); i < Math.ceil(((half + 1) * count) / 2) && i < count; i++) {
      const image = `photos/${i}.jpg`
      if (writer.has(writer.key(image))) continue
      await writer.write({
        image,
        caption: 'a man in a "red" shirt, jumping',
        confidence: 0.5,
        alternatives: [],
        concepts: [],
      } as never)
    }
    await writer.close()
  }
  return { count, of: 'captions' }
}

/** What grows, each stage after those whose files it reads. */
export const STAGES: Readonly<Record<string, (growth: Growth) => Promise<Work>>> = {
  start: async () => ({ count: 0, of: 'pictures' }),
  source: writeSource,
  prepare: prepareAll,
  'open dataset': async (growth) => ({ count: (await Dataset.open(data(growth))).images.length, of: 'pictures' }),
  vocabulary: async (growth) => {
    const { images } = await Dataset.open(data(growth))
    return { count: Vocabulary.build(tokenLists(images)).size, of: 'words' }
  },
  'features-write': writeFeatures,
  'features-read': readFeatures,
  'batches of an epoch': collateEpoch,
  'BLEU ROUGE-L CIDEr': scored(['Bleu_4', 'ROUGE_L', 'CIDEr']),
  METEOR: scored(['METEOR']),
  'SPICE-ts': scored(['SPICE-ts']),
  report,
  'caption --write': writeCaptions,
}
