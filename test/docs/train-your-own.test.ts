// Runs the commands of docs/train-your-own.md, in their order, with tiny networks of the same families and drawn pictures.
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mia } from '../cli/mia.ts'
import { makeSmallWorld } from '../cli/small-world.ts'
import { LAUNCHERS, launch } from '../support/mpi.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = await readFile(join(root, 'docs/train-your-own.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block]) =>
    block!
      .replaceAll(/\\\n\s*/g, '')
      .trim()
      .split('\n'),
  )
  .flatMap((line) => /^(?:mpirun .*)?npx mia .*?(?=\s+#|$)/.exec(line)?.[0] ?? [])
  .map((line) => line.replace('/layer1/layer1.2/relu_2/Relu_output_0', '/layer1/relu_1/Relu_output_0'))

const MODEL = ['--hidden-size', '32', '--num-heads', '2', '--inner-size', '32', '--attention-size', '8']
/** Options that make a slow command fast; the last one given counts. */
const SMALL: readonly (readonly [command: RegExp, options: readonly string[]])[] = [
  [/^data coco/, ['--dry-run']],
  [/^concepts train/, ['--epochs', '1']],
  [/^cnn tune/, ['--epochs', '1']],
  [/^train .*--from/, ['--epochs', '1', '--batch-size', '10', '--captions-per-image', '2']],
  [/^train (?!.*--from)/, ['--epochs', '1', '--batch-size', '10', '--captions-per-image', '2', ...MODEL]],
]

const before = process.cwd()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-own-'))
  await makePictures()
  await makeNetworks()
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules')) // for the processes that MPI starts
  process.chdir(folder)
})
afterAll(async () => {
  process.chdir(before)
  await rm(folder, { recursive: true })
})

/** Draws the pictures: a COCO of 50 with Karpathy's split, and other 50 in a folder with captions. */
async function makePictures(): Promise<void> {
  const [coco, own] = [join(folder, 'drawn'), join(folder, 'my-pictures')]
  await makeSmallWorld(coco)
  const text = await readFile(join(coco, 'Flickr8k.token.txt'), 'utf8')
  const captions = text
    .trim()
    .split('\n')
    .map((line) => /^(.*)#\d\t(.*)$/.exec(line)!.slice(1) as [string, string])
  await cp(join(coco, 'images'), own, { recursive: true })
  await writeFile(join(own, 'captions.tsv'), captions.map((pair) => pair.join('\t')).join('\n'))
  await cp(join(own, 'dev_red_blue.jpg'), join(folder, 'photo.jpg'))
  await cp(join(coco, 'images'), join(folder, 'coco/val2014'), { recursive: true })
  const names = [...new Set(captions.map(([name]) => name))]
  const images = names.map((filename, cocoid) => ({
    cocoid,
    filename,
    filepath: 'val2014',
    split: filename.startsWith('train') ? 'restval' : cocoid % 2 === 0 ? 'val' : 'test',
    sentences: captions.filter(([name]) => name === filename).map(([, raw]) => ({ raw, tokens: raw.split(' ') })),
  }))
  await writeFile(join(folder, 'coco/dataset_coco.json'), JSON.stringify({ images, dataset: 'coco' }))
}

/** Puts the tiny networks where the page has the real ones, CLIP's and DINOv2's as Hugging Face has them. */
async function makeNetworks(): Promise<void> {
  const tiny = join(root, 'test/fixtures/networks')
  const networks = join(folder, 'networks')
  for (const name of ['clip', 'dinov2']) {
    await mkdir(join(networks, name, 'onnx'), { recursive: true })
    const preprocessor = { crop_size: { height: 32, width: 32 }, do_normalize: true, image_mean: [0.5, 0.5, 0.5] }
    await writeFile(
      join(networks, name, 'preprocessor_config.json'),
      JSON.stringify({ ...preprocessor, image_std: [0.25, 0.25, 0.25] }),
    )
  }
  for (const [from, to] of [
    ['clip.onnx', 'clip/onnx/vision_model.onnx'],
    ['clip.onnx_data', 'clip/onnx/clip.onnx_data'],
    ['dinov2.onnx', 'dinov2/onnx/model.onnx'],
    ['../tuning/resnet.onnx', 'resnet50.onnx'],
  ] as const)
    await cp(join(tiny, from), join(networks, to))
}

/** The words of a command; quotes hold words together. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)

describe('docs/train-your-own.md', () => {
  test('goes the whole way', () => {
    const names = new Set(
      commands.map((command) => /mia (\S+(?: (?:train|detect|join|coco|tune)\b)?)/.exec(command)?.[1]),
    )
    for (const name of [
      'data coco',
      'prepare join',
      'features',
      'concepts train',
      'concepts detect',
      'train',
      'cnn tune',
    ])
      expect(names).toContain(name)
    for (const name of ['test', 'card', 'export', 'caption', 'serve']) expect(names).toContain(name)
    expect(commands.some((command) => command.startsWith('mpirun'))).toBe(true)
  })

  for (const line of commands) {
    const command = line.replace(/^.*?npx mia /, '')
    if (command.startsWith('serve')) continue // until it is stopped; test/server runs it
    const options = SMALL.find(([name]) => name.test(command))?.[1] ?? []
    const args = [...wordsOf(command), ...options]
    if (line.startsWith('mpirun'))
      test.skipIf(LAUNCHERS.length === 0)(line, async () => {
        const main = new URL('../../src/cli/main.ts', import.meta.url)
        const { status, stderr } = await launch(LAUNCHERS[0]!, main, args, { ranks: 2 })
        expect(status, stderr).toBe(0)
      })
    else
      test(line, async () => {
        const { status, stderr } = await mia(args)
        expect(status, stderr).toBe(0)
      })
  }
})
