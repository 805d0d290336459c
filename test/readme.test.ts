import { spawn } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSmallWorld } from './cli/small-world.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = await readFile(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```(ts)?\n([\s\S]*?)```/g)]
const lines = blocks.filter(([, language]) => language === undefined).flatMap(([, , text]) => text!.trim().split('\n'))
/** The `mia` commands inline in the text, then those in code blocks without their comments, then those of the table. */
const commands = [
  ...[...readme.matchAll(/`npx (mia [^`]+)`/g)].map(([, command]) => command!),
  ...lines.flatMap((line) => /npx (mia [^#]*?)\s*(?:#|$)/.exec(line)?.[1] ?? []),
  ...publishedCommands(),
]

/** The commands in the right column of the table of published ones; `...` repeats the one above without `--out`. */
function publishedCommands(): string[] {
  const rows = [...readme.matchAll(/^\| (?!`npx)[^|]+ \| (`mia .*|`\.\.\. .*) \|$/gm)].map(([, cell]) => cell!)
  const found = rows.flatMap((cell) => [...cell.matchAll(/`((?:mia|\.\.\.) [^`]+)`/g)].map(([, command]) => command!))
  const whole = found.map((command, i) => command.replace('...', () => found[i - 1]!.replace(/ --out .*/, '')))
  // the code blocks use the same names of runs for other data
  return whole.map((command) => command.replace('runs/', 'published/'))
}

/** Options that make a slow command fast. */
const SMALL: Readonly<Record<string, string>> = {
  'mia train':
    '--epochs 1 --batch-size 10 --captions-per-image 2 ' +
    '--hidden-size 32 --num-heads 2 --inner-size 32 --attention-size 8',
  'mia concepts train': '--epochs 1',
  'mia data coco': '--dry-run',
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-readme-'))
  await makeWorlds()
})
afterAll(() => rm(folder, { recursive: true }))

/** Makes the files that the README's commands read: a small dataset in four formats, photographs, captions to score. */
async function makeWorlds(): Promise<void> {
  const flickr8k = join(folder, 'flickr8k')
  await makeSmallWorld(flickr8k)
  const text = await readFile(join(flickr8k, 'Flickr8k.token.txt'), 'utf8')
  const captions = text
    .trim()
    .split('\n')
    .map((line) => /^(.*)#\d\t(.*)$/.exec(line)!.slice(1) as [string, string])
  const names = [...new Set(captions.map(([name]) => name))]
  await copyFile(join(flickr8k, 'network.onnx'), join(folder, 'network.onnx'))
  await cp(join(flickr8k, 'images'), join(folder, 'my-pictures'), { recursive: true })
  await writeFile(join(folder, 'my-pictures/captions.tsv'), captions.map((pair) => pair.join('\t')).join('\n'))
  await mkdir(join(folder, 'a-folder'))
  for (const copy of ['photo.jpg', 'other.png', 'a-folder/1.jpg'])
    await copyFile(join(flickr8k, 'images', names[0]!), join(folder, copy))
  await mkdir(join(folder, 'coco/annotations'), { recursive: true })
  for (const [split, prefix] of [
    ['train', 'train_'],
    ['val', 'dev_'],
  ] as const) {
    const mine = names.filter((name) => name.startsWith(prefix))
    await cp(join(flickr8k, 'images'), join(folder, `coco/${split}2014`), { recursive: true })
    const images = mine.map((file_name) => ({ id: names.indexOf(file_name), file_name }))
    const annotations = captions.flatMap(([name, caption], id) =>
      name.startsWith(prefix) ? [{ id, image_id: names.indexOf(name), caption }] : [],
    )
    await writeFile(
      join(folder, `coco/annotations/captions_${split}2014.json`),
      JSON.stringify({ images, annotations }),
    )
  }
  const images = names.map((filename, cocoid) => ({
    cocoid,
    filename,
    filepath: 'train2014',
    split: filename.startsWith('train') ? 'train' : cocoid % 2 === 0 ? 'val' : 'test',
    sentences: captions.filter(([name]) => name === filename).map(([, raw]) => ({ raw, tokens: raw.split(' ') })),
  }))
  await writeFile(join(folder, 'dataset_coco.json'), JSON.stringify({ images, dataset: 'coco' }))
  await writeFile(join(folder, 'trainval.tsv'), names.map((_, id) => bottomUpLine(id)).join('\n'))
  await writeFile(join(folder, 'refs.json'), JSON.stringify({ 1: ['a dog runs'], 2: ['two cats sleep'] }))
  for (const [name, caption] of [
    ['results.json', 'a dog runs fast'],
    ['b.json', 'a cat runs'],
  ] as const)
    await writeFile(join(folder, name), JSON.stringify([1, 2].map((image_id) => ({ image_id, caption }))))
}

/** A line of published bottom-up features: two boxes of an image, each with three features. */
function bottomUpLine(id: number): string {
  const base64 = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64')
  return [id, 16, 16, 2, base64(0, 0, 8, 8, 4, 4, 16, 16), base64(1, id % 7, 2, 3, 1, id % 5)].join('\t')
}

const TSX = `"${process.execPath}" --import "${pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href}"`

/** Runs a line in a shell, with `mia` from src/. */
function shell(line: string): Promise<{ status: number | null; output: string }> {
  const mia = `${TSX} "${join(root, 'src/cli/main.ts')}"`
  return new Promise((resolve) => {
    const child = spawn(line.replace(/^mia/, mia), { cwd: folder, shell: true })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part))
    child.on('close', (status) => resolve({ status, output }))
  })
}

describe('the README', () => {
  test('shows every command', () => {
    const names = new Set(commands.map((command) => command.split(' ')[1]))
    const all =
      'caption card compare concepts data doctor eval export features models prepare quickstart represent serve test train'
    expect([...names].sort().join(' ')).toBe(all)
  })

  for (const command of commands) {
    if (command === 'mia quickstart') continue // slow; test/quickstart runs a small one
    if (command === 'mia serve') continue // until it is stopped; test/server runs it
    test(command, async () => {
      const copy = /data\/(objects|bottom-up)/.exec(command)?.[0]
      if (copy) await cp(join(folder, 'data/coco'), join(folder, copy), { recursive: true })
      const small = Object.entries(SMALL).find(([name]) => command.startsWith(name))?.[1] ?? ''
      const { status, output } = await shell(command.includes('<') ? command : `${command} ${small}`)
      expect(status, output).toBe(0)
    })
  }

  test.each([
    [
      'captions',
      "'mia-caption'",
      'src/index.ts',
      '',
      'caption.length > 0, confidence > 0, words.length > 0, concepts.length > 0',
    ],
    [
      'scores',
      "'mia-caption/metrics'",
      'src/metrics/index.ts',
      "const references = { 1: ['a dog runs'] }, results = [{ image_id: 1, caption: 'a dog runs' }]\n",
      'scores.length > 5, scores[0].score > 0.99, true, true',
    ],
  ])('has an example that %s with the library', async (_, name, source, before, seen) => {
    const [, , text] = blocks.find(([, language, code]) => language === 'ts' && code!.includes(name))!
    const code = text!.replace(name, JSON.stringify(pathToFileURL(join(root, source)).href))
    const file = join(folder, 'lines.ts')
    await writeFile(file, `${before}${code}\nconsole.log(${seen})\n`)
    await writeFile(join(folder, 'package.json'), '{"type": "module"}')
    const { output } = await shell(`${TSX} "${file}"`)
    expect(output.trim()).toBe('true true true true')
  })
})
