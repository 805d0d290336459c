import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseWebIndex } from '../../../src/caption/web-index.ts'
import { openRun, readRunConfig, writeRunConfig } from '../../../src/disk/run.ts'
import { sha256 } from '../../../src/formats/sha256.ts'
import { Captioner } from '../../../src/hosts/node/captioner.ts'
import { exportWeb } from '../../../src/hosts/node/export-web.ts'
import { PRETRAINED } from '../../../src/hosts/node/pretrained.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeTinyRun } from '../../support/tiny-run.ts'

test('lists every file with size and SHA-256, has at most 20 MB, and is a run with nearly the same weights', async () => {
  const out = join(await temporaryFolder(), 'model')
  const written = await exportWeb({ out })
  expect(written.at(-1)!.path).toBe('index.json')
  expect(written.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(20e6)

  const index = parseWebIndex(JSON.parse(await readFile(join(out, 'index.json'), 'utf8')), 'index.json')
  expect(index.files.map(({ path }) => path)).toEqual(written.slice(0, -1).map(({ path }) => path))
  for (const { path, bytes, sha256: digest } of index.files) {
    const content = await readFile(join(out, path))
    expect([content.length, await sha256(content)]).toEqual([bytes, digest])
  }

  expect(await readFile(join(out, 'calibration.json'), 'utf8')).toBe(
    await readFile(join(PRETRAINED, 'calibration.json'), 'utf8'),
  )
  const [full, compact] = [await openRun(PRETRAINED), await openRun(out)]
  expect(compact.detector!.weights).toEqual(full.detector!.weights)
  for (const [name, { data }] of compact.weights) {
    const original = full.weights.get(name)!.data
    const [error, size] = [0, 0].map((_, k) =>
      Math.hypot(
        ...Array.from({ length: 2000 }, (__, i) => (k === 0 ? data[i % data.length]! : 0) - original[i % data.length]!),
      ),
    )
    expect(error! / size!).toBeLessThan(0.01)
  }
})

test('a run on an ONNX network takes the network along, and captions from its new folder', async () => {
  const [run, out] = [await temporaryFolder(), join(await temporaryFolder(), 'model')]
  await writeTinyRun(run)
  await exportWeb({ run, out, cnn: join(run, 'network.onnx') })
  await rm(join(run, 'network.onnx'))
  await using captioner = await Captioner.load(out)
  const grey = { data: new Uint8Array(3 * 32 * 32).fill(128), width: 32, height: 32 }
  const { words, concepts } = await captioner.caption(grey)
  expect(words.length + concepts.length).toBeGreaterThan(0)
})

test('a second run without MIA lies beside, its shared files counted once, and is a run too', async () => {
  const [run, other, out] = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()])
  await writeTinyRun(run)
  await writeTinyRun(other, { mia: false })
  const written = await exportWeb({ run, withoutMia: other, out: join(out, 'model'), cnn: join(run, 'network.onnx') })
  expect(written.at(-1)!.path).toBe('index.json')
  const index = parseWebIndex(JSON.parse(await readFile(join(out, 'model/index.json'), 'utf8')), 'index.json')
  const inside = written.filter(({ path }) => path.startsWith('without-mia/'))
  const ofBoth = inside.filter(({ path }) => /vocabulary|networks/.test(path))
  const size = (files: readonly { bytes: number }[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0)
  expect(ofBoth.length).toBe(2)
  expect(index.withoutMia).toEqual({ folder: 'without-mia', bytes: size(inside) - size(ofBoth) })
  expect(index.files.some(({ path }) => path.startsWith('without-mia'))).toBe(false)

  const grey = { data: new Uint8Array(3 * 32 * 32).fill(128), width: 32, height: 32 }
  await using alone = await Captioner.load(other, { cnn: join(other, 'network.onnx') })
  await using exported = await Captioner.load(join(out, 'model/without-mia'))
  expect(exported.trained.config.model.mia).toBe(false)
  expect((await exported.caption(grey)).caption).toBe((await alone.caption(grey)).caption)
})

test('refuses to compare runs that differ in more than MIA', async () => {
  const [run, other, out] = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()])
  await writeTinyRun(run)
  await writeTinyRun(other, { mia: false })
  const cnn = join(run, 'network.onnx')
  const compare = (a: string, b: string) => exportWeb({ run: a, withoutMia: b, out: join(out, 'model'), cnn })
  await expect(compare(other, run)).rejects.toThrow(`"${other}" was trained without MIA; give one with MIA as --run`)
  await expect(compare(run, run)).rejects.toThrow(`"${run}" was trained with MIA; give one without as --without-mia`)
  const config = await readRunConfig(other)
  await writeRunConfig(other, { ...config, data: { ...config.data, name: 'flickr8k' } })
  await expect(compare(run, other)).rejects.toThrow('they were trained on small and flickr8k')
  await writeRunConfig(other, { ...config, model: { ...config.model, basicModel: 'Transformer' } })
  await expect(compare(run, other)).rejects.toThrow('their models are VisualAttention and Transformer')
})

test('refuses a folder with files', async () => {
  const out = await temporaryFolder()
  await writeFile(join(out, 'notes.txt'), 'mine')
  await expect(exportWeb({ out })).rejects.toThrow(`Cannot export to "${out}": it is not empty; give a new folder`)
})

test('an index names its mistake', () => {
  const file = { path: '../secret', bytes: 1, sha256: '0'.repeat(64) }
  const model = { basicModel: 'VisualAttention', mia: true, trainedOn: 'mine' }
  const index = { format: 'mia-web/1', model, files: [file] }
  expect(() => parseWebIndex(index, 'index.json')).toThrow('Cannot read "index.json": files.0.path is')
  expect(() => parseWebIndex({ ...index, files: [{ ...file, path: 'a', bytes: -1 }] }, 'i')).toThrow('files.0.bytes')
})
