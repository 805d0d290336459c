import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Captioner } from '../caption/captioner.ts'
import { Dataset } from '../data/dataset.ts'
import { prepare } from '../data/prepare.ts'
import { featuresFolder } from '../disk/dataset-files.ts'
import { FeatureWriter } from '../disk/feature-writer.ts'
import { readJson, readText, writeFileAtomic } from '../disk/files.ts'
import { readJournal } from '../disk/journal.ts'
import { openRun, runFiles } from '../disk/run.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { testRun } from '../evaluation/test-run.ts'
import { evaluate } from '../metrics/index.ts'
import { PUBLISHED_MODEL } from '../models/config.ts'
import { explanationPage } from '../pages/explanation-page.ts'
import type { Progress } from '../progress.ts'
import { detectConcepts } from '../train/concept-detection.ts'
import { trainConceptDetector } from '../train/concept-training.ts'
import { configureRun } from '../train/configure.ts'
import { publishedAdam } from '../train/optimizer.ts'
import { beginOrResume } from '../train/resume.ts'
import { published as schedule } from '../train/schedule.ts'
import { trainCaptioner } from '../train/trainer.ts'
import { extractFeatures, type Network, sourceOf } from '../vision/index.ts'
import { quickstartPage } from './page.ts'
import { namedRight } from './right.ts'
import { conceptWords } from './scene.ts'
import type { System } from './system.ts'
import { makeWorld } from './world.ts'

/** How large the world and the models are: smaller than the published ones, for the world has few words and fewer things. */
export interface QuickstartSizes {
  readonly train: number
  readonly val: number
  readonly epochs: number
  readonly conceptEpochs: number
}

export const QUICK: QuickstartSizes = { train: 600, val: 100, epochs: 16, conceptEpochs: 20 }
const SMALL = { hiddenSize: 256, innerSize: 512, dropout: 0.1, learningRate: 2e-3, batchSize: 80 } as const
/** Concepts of a picture: more than a scene has words. */
const CONCEPTS = 12
/** Pictures whose captions are explained word by word. */
const EXPLAINED = 6

export interface QuickstartOptions {
  readonly engine: Engine
  readonly out: string
  readonly seed: number
  readonly sizes: QuickstartSizes
  /** what looks at the pictures */
  readonly network: Network
  /** says what is done and why, in words for newcomers */
  readonly say: (line: string) => void
  readonly progress: (label: string, unit: string) => Progress
  readonly signal: AbortSignal
}

/**
 * The whole way on a small world made on the spot: pictures, captions, features, concepts, VisualAttention trained without and with MIA, both tested, and a
 * page of it all. The same seed gives the same numbers. Stopped, the same call goes on where it was.
 */
export async function quickstart({ engine, out, seed, sizes, network, say, progress, signal }: QuickstartOptions) {
  const { train, val } = sizes
  await claim(out, { seed, sizes })
  const [world, data] = [join(out, 'world'), join(out, 'data')]
  say(
    `1. Drawing ${train + val} pictures with five captions each. In the ${val} for the test every scene has a thing in a colour that it never has in the others.`,
  )
  const { scenes } = await makeWorld(world, {
    train,
    val,
    seed,
    onProgress: progress('World', 'pictures'),
    signal,
  })
  await prepare({ source: 'coco', root: world, year: 2017, out: data, minCount: 1, signal })

  say(
    `2. A network that was trained on photographs looks at each picture: ${network.regions} regions, ${network.size} numbers for each.`,
  )
  await makeFeatures(engine, data, network, progress('Features', 'pictures'), signal)

  say('3. A detector learns which words each picture shows: these are the textual concepts.')
  const wordList = join(out, 'concepts.txt')
  await writeFileAtomic(wordList, `${conceptWords.join('\n')}\n`)
  await trainConceptDetector({
    engine,
    data,
    wordList,
    seed,
    epochs: sizes.conceptEpochs,
    onProgress: progress('Concepts', 'pictures'),
    signal,
  })
  await detectConcepts({ engine, data, count: CONCEPTS, signal })

  const systems: System[] = []
  for (const mia of [false, true]) {
    say(
      mia
        ? '5. The same captioner again, but now regions and concepts refine each other first (MIA).'
        : '4. A captioner learns to describe: word by word, each time looking at the regions that matter.',
    )
    const run = join(out, mia ? 'with-mia' : 'without-mia')
    await trainSmall({
      engine,
      data,
      run,
      mia,
      seed,
      epochs: sizes.epochs,
      onProgress: progress('Training', 'steps'),
      signal,
    })
    systems.push(await judge({ engine, data, run, mia, signal }, scenes, systems[0]?.run))
  }

  say('6. What each word looked at, on one page; the scores and what to do next, on another.')
  const dataset = await Dataset.open(data)
  const shown = dataset.split('val').slice(0, 12)
  const why = await explain(
    engine,
    systems[1]!.run,
    shown.slice(0, EXPLAINED).map((image) => dataset.imagePath(image)),
    signal,
  )
  await writeFileAtomic(join(out, 'why.html'), why)
  const page = join(out, 'index.html')
  await writeFileAtomic(
    page,
    await quickstartPage(engine.pictures, {
      systems,
      scenes,
      images: shown.map((image) => ({ id: image.id, path: dataset.imagePath(image) })),
    }),
  )
  return { page: resolve(page), systems }
}

/** Notes which quickstart a folder is of; of another seed its features and runs would mix with this one's. Throws UserError where it is another's. */
async function claim(out: string, { seed, sizes }: Pick<QuickstartOptions, 'seed' | 'sizes'>): Promise<void> {
  const path = join(out, 'quickstart.json')
  const mine = `${JSON.stringify({ format: 'mia-quickstart/1', seed, sizes }, null, 2)}\n`
  const found = existsSync(path) ? await readText(path, 'quickstart') : mine
  if (found !== mine)
    throw new UserError(
      `Cannot make the quickstart of seed ${seed} in "${out}": the folder has another one (see quickstart.json); give another --out, or delete it`,
    )
  await writeFileAtomic(path, mine)
}

async function makeFeatures(
  engine: Engine,
  data: string,
  network: Network,
  onProgress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const dataset = await Dataset.open(data)
  const images = dataset.images.map((image) => ({ id: image.id, path: dataset.imagePath(image) }))
  const store = await FeatureWriter.open(featuresFolder(data), sourceOf(network))
  await extractFeatures({
    images,
    network,
    pictures: engine.pictures,
    store,
    batchSize: 8,
    onProgress,
    signal,
  }).finally(() => store.close())
}

interface SmallRun {
  readonly engine: Engine
  readonly data: string
  readonly run: string
  readonly mia: boolean
  readonly seed: number
  readonly epochs: number
  readonly onProgress: Progress
  readonly signal: AbortSignal
}

async function trainSmall({ engine, data, run, mia, seed, epochs, onProgress, signal }: SmallRun): Promise<void> {
  const { hiddenSize, innerSize, dropout, learningRate, batchSize } = SMALL
  const config = await configureRun({
    data,
    model: {
      ...PUBLISHED_MODEL,
      basicModel: 'VisualAttention',
      mia,
      hiddenSize,
      innerSize,
      dropout,
      concepts: CONCEPTS,
    },
    training: {
      seed,
      epochs,
      batchSize,
      captionsPerImage: 5,
      ...schedule,
      learningRate,
      labelSmoothing: 0,
      emaDecay: 0,
      augmentations: 0,
      gradientClipping: { kind: 'value', limit: 0.1 },
      adam: publishedAdam,
      beam: 3,
      maxLength: 20,
    },
  })
  const opened = await beginOrResume(run, config)
  await trainCaptioner({ engine, ...opened, onProgress, signal }).finally(() => opened.release())
}

/** Captions the test pictures and scores the captions; beside those of the `other` run, if there is one. */
async function judge(
  { engine, data, run, mia, signal }: Pick<SmallRun, 'engine' | 'data' | 'run' | 'mia' | 'signal'>,
  scenes: Parameters<typeof namedRight>[0],
  other: string | undefined,
): Promise<System> {
  const { results } = await testRun({ engine, run, split: 'val', beam: 3, maxLength: 20, signal })
  const dataset = await Dataset.open(data)
  const made = (await readJson(results, 'results')) as { image_id: number; caption: string }[]
  const evaluation = await evaluate({
    references: Object.fromEntries(dataset.split('val').map(({ id, captions }) => [id, captions])),
    results: made,
    emptyAsZero: true,
    ...(other !== undefined && { compare: await readJson(join(other, 'results', 'val-beam3.json'), 'results') }),
  })
  const captions = new Map(made.map(({ image_id, caption }) => [String(image_id), caption]))
  const epochs = (await readJournal(runFiles(run).log)).filter(({ kind }) => kind === 'epoch')
  return {
    name: mia ? 'VisualAttention with MIA' : 'VisualAttention',
    run,
    epochs,
    captions,
    evaluation,
    right: namedRight(scenes, captions),
  }
}

async function explain(engine: Engine, run: string, images: readonly string[], signal: AbortSignal): Promise<string> {
  const captioner = await Captioner.open(engine, await openRun(run))
  try {
    const { captions } = await captioner.explainAll(images, { beam: 3, maxLength: 20, signal })
    return await explanationPage(engine.pictures, captions, captioner.trained.config.model)
  } finally {
    await captioner.release()
  }
}
