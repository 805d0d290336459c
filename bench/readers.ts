/**
 * Measures the time and memory of "mia prepare" on a dataset of the size of COCO, in the official format and in
 * Karpathy's, and of opening the result. The dataset repeats the annotations of a few COCO images: 123,287 images with
 * 616,435 captions. Each task runs in a new process. Usage: npx tsx bench/readers.ts [--json]
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Dataset } from '../src/data/dataset.ts'
import { prepare } from '../src/data/prepare.ts'

interface CocoImage {
  readonly id: number
  readonly file_name: string
}
interface CocoCaption {
  readonly image_id: number
  readonly id: number
  readonly caption: string
}

const here = fileURLToPath(import.meta.url)
const sample = fileURLToPath(
  new URL('../../shared/data/coco-mini/annotations/captions_train2017.json', import.meta.url),
)
const sizes = { train: 118_287, val: 5000 }
type Part = keyof typeof sizes

/** Repeats the images of the sample, each with five captions, under new ids. */
function* repeated(part: Part): Generator<{ image: CocoImage; captions: CocoCaption[] }> {
  const { images, annotations } = JSON.parse(readFileSync(sample, 'utf8')) as {
    images: CocoImage[]
    annotations: CocoCaption[]
  }
  const captionsOf = images.map(({ id }) => annotations.filter(({ image_id }) => image_id === id).slice(0, 5))
  for (let i = 0; i < sizes[part]; i++) {
    const id = part === 'train' ? i + 1 : sizes.train + i + 1
    yield {
      image: { ...images[i % images.length]!, id, file_name: `${String(id).padStart(12, '0')}.jpg` },
      captions: captionsOf[i % images.length]!.map((each, n) => ({ ...each, image_id: id, id: 5 * id + n })),
    }
  }
}

function writeList(path: string, parts: Iterable<string>): void {
  const file = openSync(path, 'w')
  for (const part of parts) writeSync(file, part)
  closeSync(file)
}

function* joined<T>(items: Iterable<T>, format: (item: T) => string): Generator<string> {
  let separator = ''
  for (const item of items) {
    yield separator + format(item)
    separator = ', '
  }
}

function* officialFile(part: Part): Generator<string> {
  yield '{"info": {}, "licenses": [], "images": ['
  yield* joined(repeated(part), ({ image }) => JSON.stringify(image))
  yield '], "annotations": ['
  yield* joined(repeated(part), ({ captions }) => captions.map((each) => JSON.stringify(each)).join(', '))
  yield ']}'
}

function* karpathyFile(): Generator<string> {
  yield '{"images": ['
  for (const part of ['train', 'val'] as const) {
    if (part === 'val') yield ', '
    yield* joined(repeated(part), ({ image, captions }) => {
      const sentences = captions.map(({ caption, id }) => {
        const tokens = caption.toLowerCase().split(/\W+/).filter(Boolean)
        return { tokens, raw: caption, imgid: image.id, sentid: id }
      })
      const sentids = captions.map(({ id }) => id)
      const names = { filepath: `${part}2017`, filename: image.file_name, imgid: image.id, cocoid: image.id }
      return JSON.stringify({ ...names, sentids, split: part, sentences })
    })
  }
  yield '], "dataset": "coco"}'
}

function makeFiles(root: string): void {
  mkdirSync(join(root, 'annotations'))
  for (const part of ['train', 'val'] as const) {
    writeList(join(root, `annotations/captions_${part}2017.json`), officialFile(part))
    mkdirSync(join(root, `${part}2017`))
    for (const { image } of repeated(part)) writeFileSync(join(root, `${part}2017`, image.file_name), '')
  }
  writeList(join(root, 'dataset_coco.json'), karpathyFile())
}

const tasks: Readonly<Record<string, (root: string) => Promise<unknown>>> = {
  'prepare coco': (root) => prepare({ source: 'coco', root, out: join(root, 'out') }),
  'prepare karpathy': (root) =>
    prepare({ source: 'karpathy', file: join(root, 'dataset_coco.json'), out: join(root, 'out') }),
  'open dataset': async (root) => (await Dataset.open(join(root, 'out'))).images.length,
}

interface Measure {
  readonly seconds: number
  readonly peakMegabytes: number
}

async function measure(task: string, root: string): Promise<Measure> {
  const start = performance.now()
  await tasks[task]!(root)
  return {
    seconds: (performance.now() - start) / 1000,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  }
}

function measureAll(): void {
  const root = mkdtempSync(join(tmpdir(), 'mia-readers-'))
  try {
    makeFiles(root)
    const results: Record<string, Measure> = {}
    for (const task of Object.keys(tasks)) {
      const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', here, task, root], {
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`Cannot measure "${task}": ${stderr}`)
      results[task] = JSON.parse(stdout) as Measure
    }
    report(results, statSync(join(root, 'dataset_coco.json')).size)
  } finally {
    rmSync(root, { recursive: true })
  }
}

function report(results: Readonly<Record<string, Measure>>, karpathyBytes: number): void {
  const machine = `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, Node ${process.version}`
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ machine, images: sizes.train + sizes.val, results }))
    return
  }
  console.log(`${machine}; ${sizes.train + sizes.val} images, Karpathy's file ${(karpathyBytes / 1e6).toFixed(0)} MB`)
  for (const [task, { seconds, peakMegabytes }] of Object.entries(results)) {
    console.log(
      `${task.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s ${peakMegabytes.toFixed(0).padStart(6)} MB peak`,
    )
  }
}

const [task, root] = process.argv.slice(2)
if (task !== undefined && root !== undefined) console.log(JSON.stringify(await measure(task, root)))
else measureAll()
