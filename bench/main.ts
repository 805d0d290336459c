// Times our code and PyTorch's in turns and prints the medians of the pairs.
// Usage: npm run bench [-- --json] [-- --pairs 3] [-- --only step]
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CAPTIONERS, type Measured, measureBaseline, measurePeer, peerMissing, QUANTIZED, REFERENCE } from './peer.ts'
import { median } from './sizes.ts'

/** A row of the table: our program, and the baseline if there is one. */
interface Comparison {
  readonly name: string
  readonly ours: readonly string[]
  /** options of the PyTorch script */
  readonly theirs?: readonly string[]
  /** the PyTorch script, if it is not the one of the paper's models */
  readonly script?: string
  /** whether the baseline is coco.py, the algorithms of the original Python scorers */
  readonly scorers?: true
  /** target speedup over the baseline */
  readonly goal?: number
  /** target in seconds */
  readonly limit?: number
}

const shared = fileURLToPath(new URL('../../shared/', import.meta.url))
/** Named so that rows without it are left out. */
const PICTURES = `${shared}data/coco-mini/train2017`
const captions = `${shared}data/flickr8k/Flickr8k.token.txt`
const step = (mia: number, images: number, captions: number) => ['step.ts', `${mia}`, `${images}`, `${captions}`]
const peer = (mia: number, style: string, images: number, captions: number) => [
  '--mia',
  `${2 * mia}`,
  '--style',
  style,
  '--images',
  `${images}`,
  '--captions',
  `${captions}`,
]
const comparisons: readonly Comparison[] = [
  ...[1, 0].flatMap((mia): Comparison[] => {
    const name = mia ? 'step with MIA' : 'step without MIA'
    return [
      { name: `${name}, 16 x 5, best PyTorch`, ours: step(mia, 16, 5), theirs: peer(mia, 'best', 16, 5), goal: 1 },
      {
        name: `${name}, 16 x 5, published PyTorch 80 x 1`,
        ours: step(mia, 16, 5),
        theirs: peer(mia, 'published', 80, 1),
        goal: 3,
      },
      { name: `${name}, 80 x 1, best PyTorch`, ours: step(mia, 80, 1), theirs: peer(mia, 'best', 80, 1) },
    ]
  }),
  {
    name: 'decode 80 images, beam 3, best PyTorch',
    ours: ['decode.ts', '1'],
    theirs: [...peer(1, 'best', 80, 1), '--decode', '3'],
    goal: 2,
  },
  {
    name: 'decode 80 images, beam 3, published PyTorch',
    ours: ['decode.ts', '1'],
    theirs: [...peer(1, 'published', 80, 1), '--decode', '3'],
    goal: 10,
  },
  {
    name: 'decode 80 images in int8, beam 3, best PyTorch in float32',
    ours: ['decode.ts', '1', 'VisualAttention', 'int8'],
    theirs: [...peer(1, 'best', 80, 1), '--decode', '3'],
    goal: 2,
  },
  {
    name: 'decode 80 images in int8, beam 3, best PyTorch in int8',
    ours: ['decode.ts', '1', 'VisualAttention', 'int8'],
    theirs: [REFERENCE, ...peer(1, 'best', 80, 1), '--decode', '3'],
    script: QUANTIZED,
    goal: 1,
  },
  ...['UpDown', 'Transformer'].flatMap((model) =>
    [0, 1].flatMap((mia): Comparison[] => {
      const name = `${model}${mia ? ' with MIA' : ''}`
      const theirs = ['--model', model, '--mia', `${2 * mia}`]
      return [
        {
          name: `step of ${name}, 16 x 5, best PyTorch`,
          ours: [...step(mia, 16, 5), model],
          theirs: [...theirs, '--images', '16', '--captions', '5'],
          script: CAPTIONERS,
          goal: 1,
        },
        {
          name: `decode 80 images with ${name}, beam 3, best PyTorch`,
          ours: ['decode.ts', `${mia}`, model],
          theirs: [...theirs, '--images', '80', '--decode', '3'],
          script: CAPTIONERS,
          goal: 1,
        },
      ]
    }),
  ),
  ...['UpDown', 'Transformer'].map((model) => ({
    name: `self-critical step of ${model} with MIA, 16 x 5, best PyTorch`,
    ours: ['self-critical.ts', '1', '16', '5', model],
    theirs: ['--model', model, '--mia', '2', '--images', '16', '--captions', '5', '--self-critical'],
    script: CAPTIONERS,
    goal: 1,
  })),
  {
    name: 'features of 64 images, MobileNetV2',
    ours: ['features.ts', `${shared}weights/mobilenet_v2_imagenet.onnx`, `${shared}data/flickr8k/images`],
  },
  {
    name: 'score 5,000 images x 5: BLEU, ROUGE-L, CIDEr-D, Python',
    ours: ['metrics.ts', 'scorers', captions],
    scorers: true,
    goal: 10,
  },
  { name: 'score, with tokenising', ours: ['metrics.ts', 'quick', captions], limit: 1.5 },
  { name: 'score, with tokenising and METEOR', ours: ['metrics.ts', 'meteor', captions], limit: 10 },
  { name: 'serve: 240 images by mia caption', ours: ['serve.ts', 'command', '0', PICTURES] },
  ...[1, 8, 64].map((connections) => ({
    name: `serve: 240 images, connections: ${connections}`,
    ours: ['serve.ts', 'connections', `${connections}`, '240', PICTURES],
  })),
  { name: 'score CIDEr-D as a reward, 16 images x 5 samples', ours: ['metrics.ts', 'reward', captions], limit: 0.005 },
]

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    pairs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const missing = peerMissing()
if (missing) console.error(`No PyTorch baseline: ${missing}`)

const measureOurs = ([file, ...args]: readonly string[]): Measured =>
  JSON.parse(
    execFileSync('npx', ['tsx', fileURLToPath(new URL(file!, import.meta.url)), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )

const rows: object[] = []
for (const { name, ours, theirs, script, scorers, goal, limit } of comparisons) {
  if (!name.includes(values.only)) continue
  if (!ours.every((path) => !path.startsWith(shared) || existsSync(path))) continue
  const pairs = Array.from({ length: Number(values.pairs) }, () => ({
    ours: measureOurs(ours),
    theirs: scorers ? measureBaseline(captions) : theirs && !missing ? measurePeer(theirs, script) : undefined,
  }))
  const of = (pick: (pair: (typeof pairs)[number]) => number | undefined) => {
    const numbers = pairs.map(pick).filter((number) => number !== undefined)
    return numbers.length > 0 ? median(numbers) : undefined
  }
  const row = {
    name,
    seconds: of((pair) => pair.ours.seconds),
    theirSeconds: of((pair) => pair.theirs?.seconds),
    /** speedup over the baseline */
    ratio: of((pair) => pair.theirs && pair.theirs.seconds / pair.ours.seconds),
    goal,
    limit,
    peakMB: of((pair) => pair.ours.peakMB),
    theirPeakMB: of((pair) => pair.theirs?.peakMB),
    detail: pairs.at(-1)?.ours.detail,
  }
  rows.push(row)
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '-'
  const columns = [
    `${name.padEnd(55)} ${number(row.seconds, 3)} s${limit ? ` (target ${limit})` : ''}`,
    `baseline ${number(row.theirSeconds, 3)} s`,
    `speedup ${number(row.ratio, 2)}${goal ? ` (target ${goal})` : ''}`,
    `memory ${number(row.peakMB, 0)} / ${number(row.theirPeakMB, 0)} MB`,
    ...(row.detail ? [row.detail] : []),
  ]
  if (!values.json) console.log(columns.join(', '))
}
const machine = { cpu: cpus()[0]?.model, threads: availableParallelism(), node: process.version }
if (values.json) console.log(JSON.stringify({ machine, rows }, null, 2))
else console.log(`${machine.cpu}, ${machine.threads} threads, Node ${machine.node}; medians of ${values.pairs} pairs`)
