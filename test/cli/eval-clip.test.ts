import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { tinyClip, writeFiles } from '../evaluation/clip/tiny-clip.ts'
import { temporaryFolder } from '../support/folder.ts'
import { mia } from './mia.ts'

async function world() {
  const folder = await temporaryFolder()
  await writeFiles(join(folder, 'clip'), tinyClip())
  await mkdir(join(folder, 'images'))
  const picture = sharp({ create: { width: 12, height: 9, channels: 3, background: '#c42' } })
  await picture.png().toFile(join(folder, 'images/a.png'))
  await writeFile(join(folder, 'references.json'), '{"a": ["a red dog"]}')
  await writeFile(join(folder, 'results.json'), '[{"image_id": "a", "caption": "a dog"}]')
  const at = (name: string) => join(folder, name)
  return {
    files: ['eval', '--references', at('references.json'), '--results', at('results.json')],
    clip: ['--clip', at('clip')],
    images: ['--images', at('images')],
  }
}

test('mia eval --clip prints CLIPScore and RefCLIPScore, which --metrics may name', async () => {
  const { files, clip, images } = await world()
  const { status, stdout, stderr } = await mia([...files, ...clip, ...images, '--metrics', 'clipscore', '--json'])
  expect(stderr).not.toContain('rror')
  expect(status).toBe(0)
  const { scores } = JSON.parse(stdout)
  expect(scores.map(({ name }: { name: string }) => name)).toEqual(['CLIPScore', 'RefCLIPScore'])
  for (const { score, range } of scores) expect(score >= 0 && score <= range[1]).toBe(true)
  const text = await mia([...files, ...clip, ...images, '--metrics', 'bleu'])
  expect(text.stdout).toMatch(/^CLIPScore +\d\.\d{4} +0\.\.2\.5 +CLIPScore\|clip:/m)
  expect(text.stdout).toMatch(/^RefCLIPScore +\d\.\d{4} +0\.\.1\.43 +/m)
})

test('mia eval --clip asks for the images', async () => {
  const { files, clip } = await world()
  const { status, stderr } = await mia([...files, ...clip])
  expect(status).toBe(2)
  expect(stderr).toContain('Cannot compute CLIPScore without the images: give their folder with --images')
})
