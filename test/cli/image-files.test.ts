import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findImages } from '../../src/cli/image-files.ts'
import { temporaryFolder } from '../support/folder.ts'

test('findImages() takes files as they are and the pictures of folders and those below, by name', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'b', 'deep'), { recursive: true })
  await mkdir(join(folder, 'b/.thumbs'))
  for (const name of ['z.txt', 'b/2.PNG', 'b/1.jpeg', 'b/notes.md', 'b/deep/3.webp', 'b/._1.jpeg', 'b/.thumbs/1.jpeg'])
    await writeFile(join(folder, name), '')
  const names = ['b/1.jpeg', 'b/2.PNG', 'b/deep/3.webp'].map((name) => join(folder, name))
  expect(await findImages([join(folder, 'z.txt'), join(folder, 'b')])).toEqual([join(folder, 'z.txt'), ...names])
})

test('findImages() takes a pattern that the shell has left alone', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'b'))
  for (const name of ['2.png', '1.png', 'b/3.png', 'x.jpg']) await writeFile(join(folder, name), '')
  const pattern = (text: string) => findImages([`${folder}/${text}`])
  expect(await pattern('*.png')).toEqual(['1.png', '2.png'].map((name) => join(folder, name)))
  expect(await pattern('**/*.png')).toEqual(['1.png', '2.png', 'b/3.png'].map((name) => join(folder, name)))
  await expect(pattern('*.gif')).rejects.toThrow('*.gif": no file fits that pattern')
})

test('findImages() leaves a file that is not there to whoever reads it, and refuses a folder without pictures', async () => {
  const folder = await temporaryFolder()
  expect(await findImages([join(folder, 'x.jpg')])).toEqual([join(folder, 'x.jpg')])
  await expect(findImages([folder])).rejects.toThrow('it has no pictures')
})
