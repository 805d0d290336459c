import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mia } from '../cli/mia.ts'
import { temporaryFolder } from '../support/folder.ts'

// Datasets of the field, with pictures that are drawn.
const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))

interface Summary {
  readonly images: Readonly<Record<string, number>>
  readonly captions: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

/** A copy of a case, since some tests change it. */
async function copyOf(name: string): Promise<string> {
  const folder = join(await temporaryFolder(), name)
  await cp(join(cases, name), folder, { recursive: true })
  return folder
}

const prepare = (root: string, ...args: string[]) =>
  mia(['prepare', ...args, '--out', join(root, 'data'), '--min-count', '1', '--json', '--quiet'])

/** Prepares a case that must come out, and returns its images and captions as `train 8/40`, and its problems. */
async function prepared(root: string, ...args: string[]): Promise<[string, readonly string[]]> {
  const { status, stdout, stderr } = await prepare(root, ...args)
  expect(status, stderr).toBe(0)
  const { images, captions, problems } = JSON.parse(stdout) as Summary
  for (const problem of problems) expect(stderr).toContain(`Warning: ${problem}`)
  const splits = ['train', 'val', 'test'].filter((split) => images[split]! > 0)
  return [splits.map((split) => `${split} ${images[split]}/${captions[split]}`).join(', '), problems]
}

/** Runs a command that must fail, and returns its one line on stderr. */
async function complaint(run: ReturnType<typeof mia>): Promise<string> {
  const { status, stdout, stderr } = await run
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach the terminal
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]|Internal error/)
  return stderr
}

const ALL = 'train 8/40, val 1/5, test 1/5'
const ONE_EACH = 'train 8/8, val 1/1, test 1/1'
const COCO = 'train 8/40, val 4/20'

describe.skipIf(!existsSync(cases))('prepare, with datasets of the field (needs ../shared)', () => {
  test('kaggle-flickr8k-csv, also with the folder above the pictures', async () => {
    const root = await copyOf('kaggle-flickr8k-csv')
    const file = join(root, 'captions.txt')
    expect(await prepared(root, 'folder', '--root', join(root, 'Images'), '--file', file)).toEqual([ALL, []])
    const [splits, problems] = await prepared(root, 'folder', '--root', root)
    expect(splits).toBe(ALL)
    expect(problems).toEqual(['10 images found under another name, as in "Images/photo_0.jpg" for "photo_0.jpg"'])
    await rename(file, join(root, 'Images/captions.csv'))
    expect(await prepared(root, 'folder', '--root', join(root, 'Images'))).toEqual([ALL, []])
  })

  test('kaggle-flickr30k-csv', async () => {
    const root = await copyOf('kaggle-flickr30k-csv')
    const args = ['--root', join(root, 'flickr30k_images'), '--file', join(root, 'results.csv')]
    expect(await prepared(root, 'folder', ...args)).toEqual([ALL, ['1 row without a separator mended: line 25']])
  })

  test('flickr30k-token', async () => {
    const root = await copyOf('flickr30k-token')
    const args = ['--root', join(root, 'flickr30k-images'), '--file', join(root, 'results_20130124.token')]
    expect(await prepared(root, 'folder', ...args)).toEqual([ALL, []])
  })

  test.each(['sidecar-txt', 'metadata-csv'])('%s', async (name) => {
    const root = await copyOf(name)
    expect(await prepared(root, 'folder', '--root', join(root, 'photos'))).toEqual([ONE_EACH, []])
  })

  test('metadata-null-text', async () => {
    const root = await copyOf('metadata-null-text')
    const [splits, problems] = await prepared(root, 'folder', '--root', join(root, 'photos'))
    expect(splits).toBe('train 7/7, val 1/1, test 1/1')
    expect(problems).toContain('1 image skipped, without caption: photo_0.jpg')
  })

  test('picture-names-in-capitals, and with other endings, none, quotes, and the caption first', async () => {
    const root = await copyOf('picture-names-in-capitals')
    const photos = join(root, 'photos')
    const original = await readFile(join(photos, 'captions.tsv'), 'utf8')
    for (const [change, isNoted] of [
      [(name: string, caption: string) => `${name}\t${caption}`, true],
      [(name: string, caption: string) => `${name.toLowerCase().replace('.jpg', '.jpeg')}\t${caption}`, true],
      [(name: string, caption: string) => `${name.toLowerCase().replace('.jpg', '')}\t${caption}`, true],
      [(name: string, caption: string) => `"${name.toLowerCase()}"\t"${caption}"`, false],
      [(name: string, caption: string) => `'${name.toLowerCase()}'\t${caption}`, false],
      [(name: string, caption: string) => `${caption}\t${name.toLowerCase()}`, false],
    ] as const) {
      const lines = original
        .trimEnd()
        .split(/\r?\n/)
        .map((line) => change(...(line.split('\t') as [string, string])))
      await writeFile(join(photos, 'captions.tsv'), lines.join('\n'))
      const [splits, problems] = await prepared(root, 'folder', '--root', photos)
      expect(splits, lines[0]).toBe(ONE_EACH)
      expect(problems.length, lines[0]).toBe(isNoted ? 1 : 0)
    }
  })

  test('coco-file-name-with-folder, and with Windows paths', async () => {
    const root = await copyOf('coco-file-name-with-folder')
    expect(await prepared(root, 'coco', '--root', root)).toEqual([COCO, []])
    for (const name of await readdir(join(root, 'annotations'))) {
      const path = join(root, 'annotations', name)
      await writeFile(path, (await readFile(path, 'utf8')).replace(/(train|val)2017\//g, '$12017\\\\'))
    }
    expect(await prepared(root, 'coco', '--root', root)).toEqual([COCO, []])
  })

  test('coco-2014-names-2017-pictures', async () => {
    const root = await copyOf('coco-2014-names-2017-pictures')
    const [splits, problems] = await prepared(root, 'coco', '--root', root)
    expect(splits).toBe(COCO)
    expect(problems).toEqual([
      '12 images found under another name, as in "train2017/000000000100.jpg" for "train2017/COCO_train2014_000000000100.jpg"',
    ])
  })

  test('vizwiz-rejected-prepare', async () => {
    const root = await copyOf('vizwiz-rejected-prepare')
    expect(await prepared(root, 'coco', '--root', root)).toEqual([
      COCO,
      ['1 train caption skipped, marked as rejected or pre-canned'],
    ])
  })
})

describe.skipIf(!existsSync(cases))('features --bottom-up, with files of the field (needs ../shared)', () => {
  const withFeatures = async (root: string, file: string) => {
    expect((await prepared(root, 'coco', '--root', root))[0]).toBe(COCO)
    await rm(join(root, 'data/features'), { recursive: true, force: true })
    return mia(['features', '--data', join(root, 'data'), '--bottom-up', join(root, file), '--json', '--quiet'])
  }

  test.each(['bottom-up-python-bytes', 'bottom-up-lxmert'])('%s', async (name) => {
    const { status, stdout, stderr } = await withFeatures(await copyOf(name), 'features.tsv')
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ made: 12, skipped: [] })
  })

  test('bottom-up-python-bytes, with quotes, and bottom-up-lxmert, with padded ids', async () => {
    const bytes = await copyOf('bottom-up-python-bytes')
    const tsv = await readFile(join(bytes, 'features.tsv'), 'utf8')
    await writeFile(join(bytes, 'features.tsv'), tsv.replaceAll("b'", '"').replaceAll("'", '"'))
    expect(JSON.parse((await withFeatures(bytes, 'features.tsv')).stdout)).toMatchObject({ made: 12 })
    const lxmert = await copyOf('bottom-up-lxmert')
    const padded = (await readFile(join(lxmert, 'features.tsv'), 'utf8')).replaceAll('COCO_val2014_', '')
    await writeFile(join(lxmert, 'features.tsv'), padded)
    expect(JSON.parse((await withFeatures(lxmert, 'features.tsv')).stdout)).toMatchObject({ made: 12 })
  })

  test('bottom-up-hdf5', async () => {
    const line = await complaint(withFeatures(await copyOf('bottom-up-hdf5'), 'features.h5'))
    expect(line).toMatch(/features\.h5": it is HDF5; give a TSV file as published, or a folder with a \.npy or \.npz/)
  })
})
