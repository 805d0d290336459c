import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { captionBatch } from '../../../src/caption/caption-all.ts'
import { openRun } from '../../../src/disk/run.ts'
import { toFloat16 } from '../../../src/formats/float16.ts'
import { serializeNpy } from '../../../src/formats/npy.ts'
import { Captioner } from '../../../src/hosts/node/captioner.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { exportRun } from '../../../src/hosts/node/export-run.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import { ModelDecoder } from '../../../src/search/model-stepper.ts'
import { sourceOf } from '../../../src/vision/feature-source.ts'
import { openNetwork } from '../../../src/vision/open.ts'
import { BGR255 } from '../../../src/vision/preprocessing.ts'
import { network } from '../../cli/small-world.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { normals } from '../../support/random.ts'
import { writeSmallCaptioner } from '../../support/trained-small-run.ts'

const start = promisify(execFile)
const python = '/usr/bin/python3'
const STAND_IN = fileURLToPath(new URL('../../support/onnxruntime-for-python', import.meta.url))

/** Whether Python can import modules. */
const imports = (modules: string): Promise<boolean> =>
  start(python, ['-c', `import ${modules}`]).then(
    () => true,
    () => false,
  )
const hasPython = await imports('numpy, PIL')
const hasOnnxRuntime = hasPython && (await imports('onnxruntime'))

/** Exports into a new folder, where Node finds this repository's packages; returns it. */
async function exported(out: string, run?: string): Promise<string> {
  await exportRun({ out, ...(run !== undefined && { run }) })
  await symlink(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(out, 'node_modules'))
  return out
}

const byJavaScript = async (folder: string, ...args: readonly string[]): Promise<string> =>
  (await start(process.execPath, [join(folder, 'example.mjs'), ...args])).stdout.trim()

/** Without onnxruntime for Python, a stand-in that passes the work to onnxruntime-node. */
async function byPython(folder: string, ...args: readonly string[]): Promise<string> {
  const env = hasOnnxRuntime ? {} : { PYTHONPATH: STAND_IN, PYTHONDONTWRITEBYTECODE: '1', NODE: process.execPath }
  const options = { env: { ...process.env, ...env } }
  return (await start(python, [join(folder, 'example.py'), ...args], options)).stdout.trim()
}

/** Smooth pictures in colour that differ by `number`. */
const drawn = (number: number, side: number): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const [channel, x, y] = [i % 3, Math.floor(i / 3) % side, Math.floor(i / 3 / side)]
      return 128 + 127 * Math.sin(((number + 1) * (x + channel * y)) / side + number * channel)
    }),
    { raw: { width: side, height: side, channels: 3 } },
  )
    .png()
    .toBuffer()

const plain = (background: string): Promise<Buffer> =>
  sharp({ create: { width: 16, height: 16, channels: 3, background } })
    .png()
    .toBuffer()

/** Writes pictures as they are decoded for a network: no library needs to resize them. */
async function exactly(pictures: readonly (string | Buffer)[], side: number): Promise<string[]> {
  const folder = await temporaryFolder()
  return Promise.all(
    pictures.map(async (picture, i) => {
      const data = await nodePictures.decode(picture, { width: side, height: side })
      const path = join(folder, `${i}.png`)
      await sharp(data, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toFile(path)
      return path
    }),
  )
}

describe('the pretrained captioner, exported', () => {
  let captioner: Captioner
  let folder: string
  beforeAll(async () => {
    captioner = await Captioner.load()
    folder = await mkdtemp(join(tmpdir(), 'mia-export-'))
    await exported(join(folder, 'out'))
  })
  afterAll(async () => {
    await captioner.release()
    await rm(folder, { recursive: true })
  })

  const photographs = fileURLToPath(new URL('../../../../shared/data/coco-mini/train2017', import.meta.url))

  test('example.mjs captions drawings as the captioner does, greedily and with a beam of 3', async () => {
    const captions = new Set<string>()
    for (const path of await exactly([await drawn(1, 320), await drawn(6, 320)], 320)) {
      const greedy = await captioner.caption(path, { beam: 1, ...PUBLISHED })
      const best = await captioner.caption(path, PUBLISHED)
      expect(await byJavaScript(join(folder, 'out'), path, '1')).toBe(greedy.caption)
      expect(await byJavaScript(join(folder, 'out'), path)).toBe(best.caption)
      captions.add(greedy.caption).add(best.caption)
    }
    expect(captions.size).toBeGreaterThan(1)
  })

  test.skipIf(!hasPython)('example.py captions drawings as the captioner does', async () => {
    const [path] = (await exactly([await drawn(6, 320)], 320)) as [string]
    for (const beam of [1, 3])
      expect(await byPython(join(folder, 'out'), path, `${beam}`)).toBe(
        (await captioner.caption(path, { beam, ...PUBLISHED })).caption,
      )
  })

  test.skipIf(!existsSync(photographs))('both examples caption photographs as the captioner does', async () => {
    const paths = (await readdir(photographs))
      .sort()
      .slice(0, 4)
      .map((name) => join(photographs, name))
    // Pillow decodes and resizes JPEG a little differently, so that Python gets the pixels
    const pixels = await exactly(paths, 320)
    for (const [i, path] of paths.entries()) {
      const beam = i % 2 === 0 ? 3 : 1
      const { caption } = await captioner.caption(path, { beam, ...PUBLISHED })
      expect(await byJavaScript(join(folder, 'out'), path, `${beam}`)).toBe(caption)
      if (hasPython) expect(await byPython(join(folder, 'out'), pixels[i]!, `${beam}`)).toBe(caption)
    }
  })
})

/** The examples search as the paper does: a word may come twice, and shorter captions win. */
const PUBLISHED = { blockRepeatedWords: false, lengthPenalty: 'none', conceptWeight: 0 } as const

describe('small runs, exported', () => {
  test('a run on an ONNX network that takes BGR, one picture at a time', async () => {
    const run = await temporaryFolder()
    const path = join(run, 'network.onnx')
    await writeFile(path, network(0.05))
    const opened = await openNetwork(nodeEngine, path, { normalisation: BGR255 })
    opened.release()
    await writeSmallCaptioner(run, sourceOf(opened))
    const folder = await exported(join(await temporaryFolder(), 'out'), run)
    await using captioner = await Captioner.load(run)
    const captions = new Set<string>()
    for (const picture of await exactly(await Promise.all(['red', 'green', 'blue', 'white', 'black'].map(plain)), 16)) {
      const { caption } = await captioner.caption(picture, PUBLISHED)
      expect(await byJavaScript(folder, picture)).toBe(caption)
      if (hasPython) expect(await byPython(folder, picture)).toBe(caption)
      captions.add(caption)
    }
    expect(captions.size).toBeGreaterThan(1)
  })

  test.each(['VisualAttention', 'UpDown', 'Transformer'] as const)(
    'a run of %s on bottom-up features: the examples read features, fewer regions than the most',
    async (basicModel) => {
      const [run, folder] = [await temporaryFolder(), await temporaryFolder()]
      await writeSmallCaptioner(run, { kind: 'bottom-up', regions: 5, size: 6 }, basicModel)
      const out = await exported(join(folder, 'out'), run)
      const { model, weights, vocabulary } = await openRun(run)
      const decoder = await ModelDecoder.load(nodeEngine.runtime, model, weights)
      const captions = new Set<string>()
      for (const seed of [1, 2, 3, 4]) {
        const features = Float32Array.from(normals(seed)(3 * 6))
        const padded = new Uint16Array(5 * 6)
        padded.set(toFloat16(features))
        const batch = { images: 1, features: padded, concepts: new Int32Array() }
        const caption = (await captionBatch(decoder, batch, vocabulary, {}))[0]!.caption
        const path = join(folder, `${seed}.npy`)
        await writeFile(path, serializeNpy({ shape: [3, 6], data: features }))
        expect(await byJavaScript(out, path)).toBe(caption)
        if (hasPython) expect(await byPython(out, path)).toBe(caption)
        captions.add(caption)
      }
      await decoder.release()
      expect(captions.size).toBeGreaterThan(1)
    },
  )
})

test('a folder with files is refused before anything is written', async () => {
  const out = await temporaryFolder()
  await writeSmallCaptioner(out, { kind: 'bottom-up', regions: 5, size: 6 })
  const before = await readdir(out)
  await expect(exportRun({ out })).rejects.toThrow(/^Cannot export to ".*": it is not empty; give a new folder$/)
  expect(await readdir(out)).toEqual(before)
})
