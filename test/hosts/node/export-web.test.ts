import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseWebIndex } from '../../../src/caption/web-index.ts'
import { openRun } from '../../../src/disk/run.ts'
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
