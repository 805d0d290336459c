import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { writeSmallCaptioner } from '../support/trained-small-run.ts'
import { mia } from './mia.ts'

test('mia export writes the pretrained captioner, its terms, and how to caption', async () => {
  const out = join(await temporaryFolder(), 'out')
  const { status, stdout, stderr } = await mia(['export', '--out', out])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const names = (await readdir(out)).sort()
  expect(names).toEqual([
    ...['README.md', 'concepts.onnx', 'config.json', 'encoder.onnx', 'example.mjs', 'example.py'],
    ...['network.onnx', 'step.onnx', 'vocabulary.json'],
  ])
  for (const name of names) expect(stdout).toContain(`${name}, `)
  expect(stdout).toMatch(/To caption: python .*example\.py photo\.jpg\n$/)
  const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))
  expect(config.terms).toMatch(/^Flickr8k may be used for research/)
  const readme = await readFile(join(out, 'README.md'), 'utf8')
  expect(readme).toContain(config.terms)
  expect(readme).toContain('@vladmandic/human (MIT licence)')
})

test('mia export says that a run on bottom-up features has no network, and refuses the folder the second time', async () => {
  const run = await temporaryFolder()
  await writeSmallCaptioner(run, { kind: 'bottom-up', regions: 5, size: 6 })
  const args = ['export', '--run', run, '--out', join(run, 'onnx')]
  const { status, stdout } = await mia(args)
  expect(status).toBe(0)
  expect(stdout).toContain('There is no network.onnx: the features of this run come from another program\n')
  expect(stdout).toMatch(/example\.py features\.npy\n$/)
  expect(await readFile(join(run, 'onnx/README.md'), 'utf8')).toContain('up to 5 regions of 6 numbers')
  const again = await mia(args)
  expect(again.status).toBe(1)
  expect(again.stderr).toMatch(/^Error: Cannot export to ".*": it is not empty; give a new folder\n$/)
})
