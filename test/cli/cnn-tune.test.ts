import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mia } from './mia.ts'
import { makeSmallWorld } from './small-world.ts'

let folder: string
let data: string
let network: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-tune-'))
  data = join(folder, 'data')
  network = join(folder, 'network.onnx')
  await makeSmallWorld(folder)
  await mia(['prepare', 'flickr8k', '--root', folder, '--min-count', '2', '--out', data])
})
afterAll(() => rm(folder, { recursive: true }))

const tune = (...args: string[]) => mia(['cnn', 'tune', '--cnn', network, '--out', join(folder, 'tuned'), ...args])

test('mia cnn tune writes a network that mia features extracts with', async () => {
  const { stdout, stderr, status } = await tune('--data', data, '--epochs', '2', '--learning-rate', '1e-3')
  expect(status, stderr).toBe(0)
  expect(stderr).toMatch(/Epoch 2: loss [\d.]+, validation [\d.]+, mAP of words [\d.]+/)
  expect(stdout).toMatch(
    /tuned\/network.onnx: regions of 6 numbers; 1 weight trained on 25 pictures and 5 words; loss [\d.]+ on the validation pictures at epoch \d\n$/,
  )
  const next = /Next: (?:npx )?mia (features .*)/.exec(stderr)![1]!.split(' ')
  const extracted = await mia([...next, '--json'])
  expect(extracted.status, extracted.stderr).toBe(0)
  expect(JSON.parse(extracted.stdout)).toMatchObject({ made: 50, network: { layer: 'features', regions: 4, size: 6 } })
})

test('mia cnn tune follows a teacher on a folder of pictures, of which it reports those that cannot be read', async () => {
  const images = join(folder, 'images')
  const run = await tune(
    ...['--images', images, '--teacher', network, '--teacher-layer', 'map', '--channels', '4'],
    ...['--epochs', '1', '--stored-views', '2', '--images-at-once', '16', '--json'],
  )
  expect(run.status, run.stderr).toBe(0)
  expect(JSON.parse(run.stdout)).toMatchObject({ size: 4, trainedWeights: 1, trainingPictures: 49, words: 0 })
})

test.each([
  ['', 'Cannot tune a network without pictures: give --data, --images or both'],
  ['--images pictures', 'Cannot tune a network on --images alone: they have no captions; give --teacher or --data'],
  ['--data a,b --captioner run', 'Cannot tune a captioner without its dataset: give one folder with --data'],
  ['--data d --captioner run --channels 4', 'Cannot use --channels with --captioner: it learns from captions'],
  ['--data d --teacher-layer map', 'Cannot use --teacher-layer without --teacher: it says how to use the teacher'],
  ['--data d --cnn centernet --layer map', 'Cannot use --layer without --cnn: it says how to use your own CNN'],
])('mia cnn tune %s is a mistake', async (line, message) => {
  const { stderr, status } = await tune(...line.split(' ').filter((arg) => arg !== ''))
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})

test('mia cnn tune names a tensor to freeze that is not there', async () => {
  const { stderr, status } = await tune('--data', data, '--freeze', 'relu9')
  expect(stderr).toMatch(/^Error: Cannot read network ".*network.onnx": it has no tensor "relu9"\n$/m)
  expect(status).toBe(1)
})
