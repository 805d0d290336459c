// Measures the commands of docs/train-your-own.md on a part of Flickr8k. Prints a line for each: seconds, processor
// seconds, peak memory, and what all of COCO (Karpathy's split) takes in proportion to the pictures.
// With the name of a tensor, the network behind it is tuned together with the captioner too.
// Usage: tsx bench/own-captioner.ts <network.onnx> <Flickr8k's folder> [training pictures] [tensor to freeze]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const [network, flickr8k, trained = '200', freeze] = process.argv.slice(2) as [string, string, string?, string?]
const pictures = { train: Number(trained), val: 50 }
const COCO = { train: 113_287, val: 5_000, all: 123_287 }
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'mia-bench-'))
const used = join(folder, 'used.json')
// runs in the measured process, and writes what it used of the machine when it ends
const meter = `import { writeFileSync } from 'node:fs'
process.on('exit', () => writeFileSync(${JSON.stringify(used)}, JSON.stringify(process.resourceUsage())))`

/** Runs `mia` and prints what it took, and what it takes for `many` pictures instead of `few`. */
function measure(args: readonly string[], few = 0, many = 0): void {
  const start = performance.now()
  const imports = ['--import', 'tsx', '--import', `data:text/javascript,${encodeURIComponent(meter)}`]
  const { status } = spawnSync(process.execPath, [...imports, main, ...args, '--quiet'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error(`mia ${args.join(' ')} ended with status ${status}`)
  const seconds = (performance.now() - start) / 1000
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(used, 'utf8')) as NodeJS.ResourceUsage
  const processor = (userCPUTime + systemCPUTime) / 1e6
  const coco = few === 0 ? '' : `, COCO ${((processor * many) / few / 3600).toFixed(2)} processor hours`
  console.log(
    `${args.slice(0, 2).join(' ')}: ${seconds.toFixed(1)} s, ${processor.toFixed(1)} processor seconds, ` +
      `${Math.round(maxRSS / 1024)} MB${coco}`,
  )
}

/** The captions of the first pictures of a split, as rows of a table. */
function rows(split: 'train' | 'val'): string[] {
  const list = split === 'train' ? 'Flickr_8k.trainImages.txt' : 'Flickr_8k.devImages.txt'
  const names = new Set(readFileSync(join(flickr8k, list), 'utf8').trim().split(/\s+/).slice(0, pictures[split]))
  const lines = readFileSync(join(flickr8k, 'Flickr8k.token.txt'), 'utf8').trim().split('\n')
  return lines
    .map((line) => /^(.*)#\d\t(.*)$/.exec(line.trim())!)
    .filter(([, name]) => names.has(name!))
    .map(([, name, caption]) => [name, split, caption].join('\t'))
}

try {
  const [captions, data, run] = ['captions.tsv', 'data', 'run'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(captions, ['image\tsplit\tcaption', ...rows('train'), ...rows('val')].join('\n'))
  const all = pictures.train + pictures.val
  const images = resolve(flickr8k, 'images')
  measure(['prepare', 'folder', '--root', images, '--file', captions, '--min-count', '1', '--out', data])
  measure(['features', '--data', data, '--cnn', resolve(network)], all, COCO.all)
  measure(['concepts', 'train', '--data', data], pictures.train, COCO.train)
  measure(['concepts', 'detect', '--data', data], all, COCO.all)
  measure(['train', '--data', data, '--mia', '--epochs', '1', '--out', run], pictures.train, COCO.train)
  const selfCritical = ['--objective', 'self-critical', '--from', run]
  measure(['train', '--data', data, ...selfCritical, '--epochs', '1', '--out', `${run}-sc`], pictures.train, COCO.train)
  if (freeze !== undefined) {
    const together = ['--captioner', run, '--freeze', freeze, '--cnn', resolve(network), '--out', join(folder, 'tuned')]
    measure(['cnn', 'tune', '--data', data, ...together, '--epochs', '1'], pictures.train, COCO.train)
  }
  measure(['test', '--run', run, '--split', 'val', '--beam', '3'], pictures.val, COCO.val)
  measure(['card', '--run', run, '--terms', 'A measurement.', '--out', join(folder, 'card')], pictures.val, COCO.val)
  measure(['export', '--run', run, '--out', join(folder, 'onnx')])
  measure(['caption', '--run', run, join(images, rows('val')[0]!.split('\t')[0]!)])
} finally {
  rmSync(folder, { recursive: true })
}
