import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Captioner } from '../caption/captioner.ts'
import { Dataset } from '../data/dataset.ts'
import { prepare } from '../data/prepare.ts'
import { featuresFolder } from '../disk/dataset-files.ts'
import { FeatureWriter } from '../disk/feature-writer.ts'
import { readText, writeFileAtomic } from '../disk/files.ts'
import { openRun } from '../disk/run.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { explanationPage } from '../pages/explanation-page.ts'
import { quickstartPage } from '../pages/quickstart-page.ts'
import type { Progress } from '../progress.ts'
import { detectConcepts } from '../train/concept-detection.ts'
import { trainConceptDetector } from '../train/concept-training.ts'
import { extractFeatures, type Network, sourceOf } from '../vision/index.ts'
import { pageContent, type TestImage } from './page-content.ts'
import { CONCEPT_WORDS } from './scene.ts'
import type { System } from './system.ts'
import { CONCEPTS, SEARCH, testSystem, trainSystem } from './train-system.ts'
import { makeWorld } from './world.ts'

/** The numbers of pictures in the world, and of epochs. */
export interface QuickstartSizes {
  /** training pictures */
  readonly train: number
  /** validation pictures, which the systems are tested on */
  readonly val: number
  /** epochs of each captioner */
  readonly epochs: number
  /** epochs of the concept detector */
  readonly conceptEpochs: number
}

/** The sizes of `mia quickstart`: some minutes on two cores. */
export const QUICK: QuickstartSizes = { train: 600, val: 100, epochs: 16, conceptEpochs: 20 }

/** Test pictures shown on the page. */
const SHOWN = 12
/** Test pictures explained word by word. */
const EXPLAINED = 6
const FEATURES_BATCH = 8

/** Where and how the quickstart runs. */
export interface QuickstartOptions {
  readonly engine: Engine
  /** the folder of all that it writes */
  readonly out: string
  readonly seed: number
  readonly sizes: QuickstartSizes
  /** the feature extractor; the caller releases it */
  readonly network: Network
  /** receives one line per step, written for newcomers */
  readonly say: (line: string) => void
  /** makes the progress callback of a step */
  readonly progress: (label: string, unit: string) => Progress
  readonly signal: AbortSignal
}

/**
 * Runs the whole method on a small world that it draws: features, concepts, a captioner trained without and with MIA,
 * both tested, and a page of the results. Returns the page's absolute path and the two systems. The same seed gives the
 * same numbers. After an abort the same call resumes. Throws UserError if `out` has a quickstart of another seed or
 * size.
 */
export async function quickstart({
  engine,
  out,
  seed,
  sizes,
  network,
  say,
  progress,
  signal,
}: QuickstartOptions): Promise<{ readonly page: string; readonly systems: readonly System[] }> {
  const { train, val } = sizes
  await claimFolder(out, { seed, sizes })
  const [world, data] = [join(out, 'world'), join(out, 'data')]
  say(
    `1. Drawing ${train + val} pictures of small scenes with five captions each. ` +
      `Every one of the ${val} test pictures has a thing in a colour that it never has in training.`,
  )
  const { scenes } = await makeWorld(world, { train, val, seed, onProgress: progress('World', 'pictures'), signal })
  await prepare({ source: 'coco', root: world, year: 2017, out: data, minCount: 1, signal })

  say(
    '2. Extracting features with a pretrained network: ' +
      `${network.regions} regions per picture, ${network.size} numbers per region.`,
  )
  await makeFeatures(engine, data, network, progress('Features', 'pictures'), signal)

  say('3. Training a concept detector: it finds the words that describe a picture, the textual concepts.')
  const wordList = join(out, 'concepts.txt')
  await writeFileAtomic(wordList, `${CONCEPT_WORDS.join('\n')}\n`)
  const { conceptEpochs: epochs } = sizes
  await trainConceptDetector({
    engine,
    data,
    wordList,
    seed,
    epochs,
    onProgress: progress('Concepts', 'pictures'),
    signal,
  })
  await detectConcepts({ engine, data, count: CONCEPTS, signal })

  const systems: System[] = []
  for (const mia of [false, true]) {
    say(
      mia
        ? '5. Training the same captioner with MIA: regions and concepts refine each other before it generates words.'
        : '4. Training a captioner, VisualAttention: it generates a caption word by word and attends to regions at each.',
    )
    const run = join(out, mia ? 'with-mia' : 'without-mia')
    const onProgress = progress('Training', 'steps')
    await trainSystem({ engine, data, run, mia, seed, epochs: sizes.epochs, onProgress, signal })
    systems.push(await testSystem({ engine, data, run, mia, signal }, scenes, systems[0]?.run))
  }

  say('6. Writing two pages: the attention of each word (why.html), and the results (index.html).')
  const dataset = await Dataset.open(data)
  const images = dataset.split('val').slice(0, SHOWN)
  const shown = images.map((image): TestImage => ({ id: image.id, path: dataset.imagePath(image) }))
  await writeExplanation(engine, systems[1]!.run, join(out, 'why.html'), shown.slice(0, EXPLAINED), signal)
  const page = join(out, 'index.html')
  await writeFileAtomic(page, await quickstartPage(engine.pictures, pageContent(systems, scenes, shown)))
  return { page: resolve(page), systems }
}

/** Records the seed and sizes in the folder; with others, its features and runs would mix with the new ones. */
async function claimFolder(out: string, { seed, sizes }: Pick<QuickstartOptions, 'seed' | 'sizes'>): Promise<void> {
  const path = join(out, 'quickstart.json')
  const wanted = `${JSON.stringify({ format: 'mia-quickstart/1', seed, sizes }, null, 2)}\n`
  const found = existsSync(path) ? await readText(path, 'quickstart') : wanted
  if (found !== wanted)
    throw new UserError(
      `Cannot make the quickstart of seed ${seed} in "${out}": the folder has another one (see quickstart.json); ` +
        'give another --out, or delete it',
    )
  await writeFileAtomic(path, wanted)
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
    batchSize: FEATURES_BATCH,
    onProgress,
    signal,
  }).finally(() => store.close())
}

async function writeExplanation(
  engine: Engine,
  run: string,
  page: string,
  images: readonly TestImage[],
  signal: AbortSignal,
): Promise<void> {
  const captioner = await Captioner.open(engine, await openRun(run))
  const paths = images.map(({ path }) => path)
  const { captions } = await captioner.explainAll(paths, { ...SEARCH, signal }).finally(() => captioner.release())
  await writeFileAtomic(page, explanationPage(engine.pictures, captions, captioner.trained.config.model))
}
