import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { mia } from './mia.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const COUNT = 300

let library: string
beforeAll(async () => {
  library = await mkdtemp(join(tmpdir(), 'mia-library-'))
  for (let i = 0; i < COUNT; i++) {
    const folder = join(library, `album ${i % 3}`)
    await mkdir(folder, { recursive: true })
    const colour = { r: (i * 37) % 256, g: (i * 91) % 256, b: (i * 53) % 256 }
    const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: colour } })
    await writeFile(join(folder, `${String(i).padStart(12, '0')}.jpg`), await picture.jpeg().toBuffer())
  }
  await writeFile(join(library, 'album 0/broken.jpg'), '<!doctype html><title>404</title>')
})

afterAll(() => rm(library, { recursive: true }))

/** A copy of the first pictures, in one folder. */
async function someOf(count: number): Promise<string> {
  const folder = await temporaryFolder()
  const names = (await readdir(join(library, 'album 1'))).slice(0, count)
  for (const name of names) await cp(join(library, 'album 1', name), join(folder, name))
  return folder
}

/** Starts `mia caption` as a process. */
function startCaption(...args: readonly string[]): { child: ChildProcess; stderr: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', `${root}src/cli/main.ts`, 'caption', ...args], {
    cwd: root,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stderr!.on('data', (part) => (text += part))
  return { child, stderr: () => text }
}

async function waitFor(check: () => Promise<boolean>): Promise<void> {
  while (!(await check().catch(() => false))) await setTimeout(20)
}

const rowsOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\r\n').slice(1, -1)

describe('a library of 300 pictures', () => {
  test('csv: killed and stopped, the same command goes on, without doing a picture twice', async () => {
    const out = join(await temporaryFolder(), 'captions.csv')
    const command = [library, '--write', 'csv', '--out', out, '--skip-existing']
    for (const [signal, rows] of [
      ['SIGKILL', 20],
      ['SIGINT', 120],
    ] as const) {
      const { child, stderr } = startCaption(...command)
      await waitFor(async () => (await rowsOf(out)).length >= rows)
      child.kill(signal)
      await once(child, 'close')
      expect((await rowsOf(out)).length).toBeLessThan(COUNT)
      if (signal === 'SIGINT')
        expect(stderr()).toMatch(/ new captions in ".*captions\.csv"; add --skip-existing to the command to resume\n/)
    }
    const before = await readFile(out, 'utf8')
    const { status, stdout, stderr } = await mia(['caption', ...command, '--json'])
    const found = JSON.parse(stdout)
    expect(found.written + found.kept).toBe(COUNT)
    expect(found.kept).toBeGreaterThanOrEqual(120)
    expect(stderr).toContain('broken.jpg: it is an HTML page, not an image: the download failed')
    expect(status).toBe(1)
    const after = await readFile(out, 'utf8')
    expect(after.startsWith(before.slice(0, before.lastIndexOf('\r\n') + 2))).toBe(true)
    const images = (await rowsOf(out)).map((row) => row.split(',')[0])
    expect(images).toEqual([...new Set(images)])
    expect(images).toHaveLength(COUNT)
    expect(existsSync(`${out}.lock`)).toBe(false)
  }, 120_000)
})

test.each([
  ['csv', 'captions.csv'],
  ['jsonl', 'captions.jsonl'],
  ['coco', 'captions.json'],
])('%s is written into the only folder, and eval scores it by file name', async (format, name) => {
  const folder = await someOf(4)
  const pictures = await readdir(folder)
  const ran = await mia(['caption', folder, '--write', format, '--prefix', 'a photo of '])
  expect(ran.stdout).toBe(`4 captions in "${join(folder, name)}", 4 of them new\n`)
  expect(ran.status).toBe(0)
  const references = {
    images: pictures.map((file_name, i) => ({ id: Number.parseInt(file_name, 10), file_name, i })),
    annotations: pictures.map((file, i) => ({
      id: i,
      image_id: Number.parseInt(file, 10),
      caption: 'a photo of a dog',
    })),
  }
  await writeFile(join(folder, 'references.json'), JSON.stringify(references))
  const scored = await mia([
    'eval',
    '--references',
    join(folder, 'references.json'),
    '--results',
    join(folder, name),
    '--metrics',
    'BLEU',
    '--json',
    '--quiet',
  ])
  expect(scored.stderr).toBe('')
  expect(JSON.parse(scored.stdout).scores[0].score).toBeGreaterThan(0.2)
  const again = await mia(['caption', folder, '--write', format])
  expect(again.stderr).toContain(
    `Error: Cannot write captions "${join(folder, name)}": the file exists; add --skip-existing`,
  )
})

test('txt is next to each picture; two pictures of one stem, and standard input, are skipped', async () => {
  const folder = await someOf(3)
  const [first = '', second = ''] = await readdir(folder)
  await cp(join(folder, first), join(folder, first.replace('.jpg', '.jpeg')))
  await writeFile(join(folder, second.replace('.jpg', '.txt')), 'mine')
  const refused = await mia(['caption', folder, '--write', 'txt'])
  expect(refused.stderr).toContain('.txt": the file exists; add --skip-existing to keep such files')
  const { stderr, stdout, status } = await mia([
    'caption',
    folder,
    '--write',
    'txt',
    '--skip-existing',
    '--prefix',
    'sks, ',
  ])
  expect(stdout).toBe('3 captions in text files next to the images, 2 of them new; 1 image skipped\n')
  expect(stderr).toMatch(/skipped \S+\.jpg: its caption would be in "\S+\.txt", like that of \S+\.jpeg; rename one/)
  expect(status).toBe(1)
  expect(await readFile(join(folder, second.replace('.jpg', '.txt')), 'utf8')).toBe('mine')
  expect(await readFile(join(folder, first.replace('.jpg', '.txt')), 'utf8')).toMatch(/^sks, a \w.*\n$/)
})

test('folders are searched below, but not with --no-recursive; --min-length makes captions longer', async () => {
  const folder = await someOf(1)
  await mkdir(join(folder, 'below'))
  const [only = ''] = (await readdir(folder)).filter((name) => name.endsWith('.jpg'))
  await cp(join(folder, only), join(folder, 'below/b.jpg'))
  const captions = async (...args: string[]) => {
    const { stdout, stderr } = await mia(['caption', folder, '--json', ...args])
    expect(stderr).not.toContain('Error')
    return JSON.parse(stdout).captions.map(({ caption }: { caption: string }) => caption) as string[]
  }
  expect(await captions('--recursive')).toHaveLength(2)
  const [short] = await captions('--no-recursive')
  const words = short!.split(' ').length
  const [long, ...others] = await captions('--no-recursive', '--min-length', `${words + 2}`)
  expect(others).toEqual([])
  expect(long!.split(' ').length).toBeGreaterThanOrEqual(words + 2)
})

test.each([
  [['--skip-existing'], 'Cannot use --skip-existing without --write'],
  [['--out', 'captions.xyz'], 'Cannot write captions to "captions.xyz": say the format, as in --write csv'],
  [['--write', 'txt', '--out', 'a.txt'], 'Cannot use --out with --write txt'],
  [['--write', 'csv', '--explain', 'why.html'], 'Cannot use both --explain and --write'],
  [['--min-length', '20'], 'Cannot caption with --min-length 20: it must be below --max-length 20'],
  [['--captions', '2', '--write', 'csv'], 'Cannot write --captions 2 as csv, which has one caption for an image'],
  [['--captions', '2', '--explain', 'why.html'], 'Cannot use --explain with --captions 2'],
  [['--run', 'a', '--run', 'b', '--explain', 'why.html'], 'Cannot use --explain with 2 runs'],
  [['--groups', '2'], 'Cannot caption with --groups 2: it must be 1 for a single caption'],
  [['--top-k', '5'], 'Cannot caption with --top-k 5: it must be left out without --sample'],
  [['--sample', '--require', 'dog'], 'Cannot caption with --sample and --require: choose one of them'],
])('%j is refused before any work', async (args, why) => {
  const { status, stderr } = await mia(['caption', 'none.jpg', ...args])
  expect(stderr).toContain(`Error: ${why}`)
  expect(status).toBe(2)
  await expect(stat('a.txt')).rejects.toThrow()
  await rm('captions.xyz', { force: true })
})
