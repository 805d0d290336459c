import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { packageCommit, packageVersion } from '../../src/cli/version.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { readSafetensors } from '../../src/disk/safetensors-file.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { parseNpy } from '../../src/formats/npy.ts'
import { Captioner } from '../../src/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { mia, type Ran } from './mia.ts'
import { makeSmallWorld, network } from './small-world.ts'

const shared = fileURLToPath(new URL('../../../shared/', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-cli-'))
  await makeSmallWorld(folder)
  for (const name of ['XDG_CACHE_HOME', 'LOCALAPPDATA']) vi.stubEnv(name, join(folder, 'cache'))
})
afterAll(() => {
  vi.unstubAllEnvs()
  return rm(folder, { recursive: true })
})

/** Runs a line, in which `@/` stands for the folder of the test; it must succeed. */
async function run(line: string): Promise<Ran> {
  const ran = await mia(line.split(' ').map((arg) => arg.replace('@/', `${folder}/`)))
  expect(ran.status, ran.stderr).toBe(0)
  return ran
}

const json = async (line: string): Promise<Record<string, unknown>> => JSON.parse((await run(`${line} --json`)).stdout)

const SMALL =
  '--hidden-size 32 --num-heads 2 --inner-size 32 --attention-size 8 --batch_size 10 --captions_per_image 2 --learning_rate 5e-3'

describe('the whole pipeline, command by command, on images of one colour above another', () => {
  test('prepare writes a dataset, prints its sizes, and warns of what is missing', async () => {
    const { stdout, stderr } = await run('prepare flickr8k --root @/ --min_count 2 --out @/data')
    expect(stdout).toMatch(
      /^flickr8k in .*\/data, vocabulary of 12 words\n\nsplit +images +captions +unknown words\ntrain +25 +50 +0.00%\n/,
    )
    expect(stderr).toContain('Warning: no test split: the list Flickr_8k.testImages.txt is missing')
    expect(stderr).toMatch(/Next: (npx )?mia features --data .*\/data$/m)
  })

  test('features extracts the regions of the images of a split, or of all, once', async () => {
    const line = 'features --data @/data --cnn @/network.onnx --normalisation symmetric'
    const network = { layer: 'features', regions: 4, size: 6 }
    expect((await mia(['features', '--data', join(folder, 'data'), '--split', 'test'])).stderr).toMatch(
      /^Error: Cannot extract features of the test split of ".*data": it has no images; leave out --split/m,
    )
    expect(await json(`${line} --split val`)).toMatchObject({ made: 25, kept: 0, skipped: [], network })
    // a concept detector trains on the other split
    expect((await run(`${line} --split val`)).stderr).toMatch(/Next: (npx )?mia features --data .*\/data$/m)
    expect(await json(line)).toMatchObject({ made: 25, kept: 25, skipped: [], network })
    expect(await json(line)).toMatchObject({ made: 0, kept: 50, skipped: [], network })
  })

  test('concepts train scores the detector on val', async () => {
    const { stdout } = await run('concepts train --data @/data --words @/colours.txt --epochs 3')
    expect(stdout).toMatch(/^mAP 0\.\d{4} on val at epoch \d, over the 5 concepts that occur there, of 5 concepts/)
  })

  test('concepts detect finds as many concepts as there are regions', async () => {
    expect(await json('concepts detect --data @/data')).toMatchObject({ images: 50, count: 4, words: 5 })
  })

  test('concepts detect finds all concepts of the detector, and says so, if it has fewer', async () => {
    await cp(join(folder, 'data'), join(folder, 'few'), { recursive: true })
    await writeFile(join(folder, 'two.txt'), 'red\nblue\n')
    await run('concepts train --data @/few --words @/two.txt --epochs 1')
    const { stdout } = await run('concepts detect --data @/few')
    expect(stdout).toBe(
      '50 images with 2 concepts each, of 2 concepts; images have up to 4 regions, but the detector has no more concepts\n',
    )
    const asked = await run('concepts detect --data @/few --count 1')
    expect(asked.stdout).toBe('50 images with 1 concept each, of 2 concepts\n')
  })

  test('train trains with and without MIA, False meaning False', async () => {
    const line = `train --data @/data --basic_model VisualAttention ${SMALL} --num_epochs 1`
    expect(await json(`${line} --use_MIA False --out @/va`)).toMatchObject({ epoch: 1, step: 5 })
    expect(await json(`${line} --use_MIA True --out @/mia --num_epochs 5`)).toMatchObject({ epoch: 5, step: 25 })
    const config = async (name: string) => JSON.parse(await readFile(join(folder, name, 'config.json'), 'utf8'))
    expect((await config('va')).model).toMatchObject({ mia: false, hiddenSize: 32, regions: 4, featureSize: 6 })
    expect((await config('mia')).model).toMatchObject({ mia: true, iterations: 2, vocabularySize: 12 })
    expect((await config('mia')).training).toMatchObject({ batchSize: 5 * 2, learningRate: 0.005 })
  })

  test('train resumes a run for more epochs, with the same command or with --resume alone', async () => {
    const line = `train --data @/data ${SMALL} --out @/va`
    expect(await json(`${line} --epochs 2`)).toMatchObject({ epoch: 2, step: 10, epochs: [{ epoch: 2 }] })
    expect(await json('train --resume --out @/va --epochs 3')).toMatchObject({ epoch: 3, step: 15 })
    expect(await json('train --resume --out @/va')).toMatchObject({ epoch: 3, step: 15, epochs: [] })
  })

  test('train refuses to resume with another configuration, and names the difference', async () => {
    const line = `train --data ${folder}/data ${SMALL} --out ${folder}/va --dropout 0.2`
    const { status, stderr } = await mia(line.split(' '))
    expect(stderr).toBe(
      `Error: Cannot resume the run "${folder}/va": its model.dropout is 0.5, not 0.2; give the options it began with, or another folder\n`,
    )
    expect(status).toBe(1)
  })

  test('test scores a run on a split and writes its captions; eval gives them the same scores', async () => {
    const tested = await json('test --run @/mia --split val --beam 2')
    expect(tested.captions).toHaveLength(25)
    const lines = (await readFile(join(folder, 'data/images.jsonl'), 'utf8')).trim().split('\n')
    const images = lines.map((line) => JSON.parse(line) as { id: string; split: string; captions: string[] })
    const references = images.filter(({ split }) => split === 'val').map(({ id, captions }) => [id, captions])
    await writeFile(join(folder, 'references.json'), JSON.stringify(Object.fromEntries(references)))
    const { scores } = (await json('eval --references @/references.json --results @/mia/results/val-beam2.json')) as {
      scores: { name: string; score: number }[]
    }
    for (const { name, score } of scores) expect(score).toBeCloseTo((tested.scores as Record<string, number>)[name]!, 6)
  })

  test('caption takes images and folders, and names the images it skips', async () => {
    await writeFile(join(folder, 'images/broken.jpg'), 'not an image')
    const { status, stdout, stderr } = await mia([
      'caption',
      '--run',
      join(folder, 'mia'),
      '--json',
      join(folder, 'images/dev_red_blue.jpg'),
      join(folder, 'images'),
    ])
    const { captions, skipped } = JSON.parse(stdout)
    expect(captions).toHaveLength(51)
    expect(captions[0].image).toBe(join(folder, 'images/dev_red_blue.jpg'))
    expect(captions[0].concepts.map(({ word }: { word: string }) => word)).toHaveLength(4)
    expect(skipped).toEqual([
      { image: join(folder, 'images/broken.jpg'), index: 1, reason: expect.stringMatching(/^it is not a/) },
    ])
    expect(stderr).toContain(`Warning: skipped ${folder}/images/broken.jpg: it is not a`)
    expect(status).toBe(1)
  })

  test('card packages a run: half the bytes, the same captions, checksums and scores of the packaged files', async () => {
    const limits = join(folder, 'limits.md')
    await writeFile(limits, '- It knows two colours.')
    await mkdir(join(folder, 'packed'))
    await writeFile(join(folder, 'packed/config.json.1-00000000ffffffff.part'), 'left by a killed process')
    const lock = join(folder, 'packed/lock.json')
    await writeFile(lock, JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() }))
    const rival = ['card', '--run', join(folder, 'mia'), '--out', join(folder, 'packed'), '--terms', 'Free.']
    expect((await mia(rival)).stderr).toContain(`Cannot use card "${folder}/packed": process ${process.pid} on `)
    await rm(lock)
    const made = await json(`card --run @/mia --out @/packed --terms Free. --limits ${limits}`)
    const files = made.files as { path: string; bytes: number; sha256: string }[]
    expect(files.map(({ path }) => path)).toEqual([
      'concepts/detector.json',
      'concepts/detector.safetensors',
      'config.json',
      'vocabulary.json',
      'weights.safetensors',
      'calibration.json',
    ])
    for (const { path, bytes, sha256 } of files) {
      const content = await readFile(join(folder, 'packed', path))
      expect({ bytes, sha256 }).toEqual({
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      })
    }
    expect(made.commit).toBe(await packageCommit())
    const whole = (await stat(join(folder, 'mia/weights.safetensors'))).size
    expect(files.find(({ path }) => path === 'weights.safetensors')!.bytes / whole).toBeCloseTo(0.5, 1)
    const search = '--block-repeated-words --length-penalty average --concept-weight 0.2'
    const tested = await json(`test --run @/mia --split val ${search}`)
    for (const { name, score } of made.scores as { name: string; score: number }[])
      expect(score, name).toBeCloseTo((tested.scores as Record<string, number>)[name]!, 6)
    const captionsBy = async (run: string) => {
      const { captions } = await json(`caption --run @/${run} --cnn @/network.onnx @/images/dev_*.jpg`)
      return (captions as { caption: string }[]).map(({ caption }) => caption)
    }
    expect(await captionsBy('packed')).toEqual(await captionsBy('mia'))
    expect(made.captions).toMatchObject({ beam: 10, conceptWeight: 0.2 })
    const withoutConcepts = await json('card --run @/va --out @/packed-va --terms Free.')
    expect(withoutConcepts.captions).toMatchObject({ beam: 3 })
    expect(withoutConcepts.captions).not.toHaveProperty('conceptWeight')
    const page = await readFile(join(folder, 'packed/README.md'), 'utf8')
    for (const part of ['Free.', '- It knows two colours.', files[0]!.sha256]) expect(page).toContain(part)
    expect(page).not.toContain(folder)
    expect((await json('models --runs @/')).runs).toContainEqual(
      expect.objectContaining({ run: join(folder, 'packed'), mia: true, cider: expect.any(Number) }),
    )
    const { status, stderr } = await mia([
      'card',
      '--run',
      join(folder, 'mia'),
      '--out',
      join(folder, 'mia'),
      '--terms',
      'x',
    ])
    expect(stderr).toContain('a run was trained there')
    expect(status).toBe(1)
  })

  test('an image may be a path, a file URL, bytes or pixels: the caption is the same', async () => {
    const path = join(folder, 'images/dev_red_blue.jpg')
    const captioner = await Captioner.load(join(folder, 'mia'))
    const { image, ...said } = await captioner.caption(path)
    expect(image).toBe(path)
    expect(await captioner.caption(pathToFileURL(path))).toEqual({ image, ...said })
    expect(await captioner.caption(await readFile(path))).toEqual({ image: '#0', ...said })
    for (const channels of [3, 4] as const) {
      const pixels = channels === 4 ? sharp(path).ensureAlpha() : sharp(path)
      const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true })
      const { width, height } = info
      expect(await captioner.caption({ data, width, height })).toEqual({ image: '#0', ...said })
    }
    expect((await captioner.explain(path)).explanation.words).toHaveLength(said.words.length)
    await expect(captioner.caption(join(folder, 'none.jpg'))).rejects.toThrow(
      `Cannot read image "${folder}/none.jpg": there is no such file`,
    )
    const cut = { data: new Uint8Array(10), width: 3, height: 1 }
    await expect(captioner.caption(cut)).rejects.toThrow('10 numbers are not 3 x 1 pixels of 1, 3 or 4 channels')
    const late = captioner.caption(path)
    await captioner.release()
    expect(await late).toEqual({ image: path, ...said })
    await expect(captioner.caption(path)).rejects.toThrow('Cannot caption: this captioner was released; load another')
  })

  test('a beam larger than the vocabulary is as large as possible', async () => {
    await run('caption --run @/mia --beam 5000 @/images/dev_red_blue.jpg')
  })

  test('caption names images by their path, and standard input, whatever they are called', async () => {
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    onTestFinished(() => void vi.restoreAllMocks())
    process.chdir(await temporaryFolder())
    const picture = await readFile(join(folder, 'images/dev_red_blue.jpg'))
    for (const name of ['photo.jpg', '1', '\x1b[31mred.jpg']) await writeFile(name, picture)
    const stdin = () =>
      vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([Uint8Array.from(picture)]) as never)
    const caption = ['caption', '--run', join(folder, 'mia'), 'photo.jpg', '-', 'none.jpg', '1']
    stdin()
    const { stdout, stderr } = await mia([...caption, '--json'])
    const { captions, skipped } = JSON.parse(stdout) as Record<string, { image: string; index: number }[]>
    expect(captions!.map(({ image, index }) => [image, index])).toEqual([
      ['photo.jpg', 0],
      ['standard input', 1],
      ['1', 3],
    ])
    expect(skipped).toEqual([{ image: 'none.jpg', index: 2, reason: 'there is no such file' }])
    expect(stderr).toContain('Warning: skipped none.jpg: there is no such file\n')
    stdin()
    await mia([...caption, '--explain', 'why.html'])
    const page = await readFile('why.html', 'utf8')
    expect(page.match(/standard input/g)).toHaveLength(page.match(/photo\.jpg/g)!.length)
    stdin()
    await mia(['represent', '--run', join(folder, 'mia'), '--out', 'sgir.npy', '-', '1'])
    expect(JSON.parse(await readFile('sgir.json', 'utf8')).images).toEqual(['standard input', '1'])
    const { stdout: escaped } = await mia(['caption', '--run', join(folder, 'mia'), '.'])
    expect(escaped).toContain('\\x1b[31mred.jpg\n')
    expect(escaped).not.toContain('\x1b')
  })

  test.skipIf(process.platform === 'win32')('caption skips a pipe in a folder, which would never end', async () => {
    const pictures = await temporaryFolder()
    await cp(join(folder, 'images/dev_red_blue.jpg'), join(pictures, 'a.jpg'))
    execFileSync('mkfifo', [join(pictures, 'pipe.jpg')])
    const { stdout, stderr, status } = await mia(['caption', '--run', join(folder, 'mia'), pictures, '/dev/zero'])
    expect(stdout).toContain(join(pictures, 'a.jpg'))
    expect(stderr).toContain(`Warning: skipped ${pictures}/pipe.jpg: it is not a regular file\n`)
    expect(stderr).toContain('Warning: skipped /dev/zero: it is not a regular file\n')
    expect(status).toBe(1)
  })

  test('caption says so if none of the images can be read', async () => {
    const none = ['caption', '--run', join(folder, 'mia'), join(folder, 'colours.txt'), join(folder, 'none.jpg')]
    const { status, stdout, stderr } = await mia(none)
    expect(stderr).toMatch(/Warning: skipped \S+colours\.txt: it is not a/)
    expect(stderr).toMatch(/Warning: skipped \S+none\.jpg: there is no such file/)
    expect(stdout).toBe('No captions: none of the images can be read\n')
    expect(status).toBe(1)
    const asJson = await mia([...none, '--json'])
    expect(JSON.parse(asJson.stdout)).toMatchObject({ captions: [], skipped: [{ index: 0 }, { index: 1 }] })
  })

  test('caption --explain refuses, before any work, a name that is not .html and a path that cannot be written', async () => {
    const picture = join(folder, 'images/dev_red_blue.jpg')
    const before = await readFile(picture)
    const forgotten = await mia(['caption', '--explain', picture, picture])
    expect(forgotten.stderr).toContain(`Cannot explain to "${picture}": the page's name must end in .html`)
    expect(forgotten.status).toBe(2)
    expect(await readFile(picture)).toEqual(before)
    const under = await mia(['caption', '--explain', join(picture, 'why.html'), picture])
    expect(under.stderr).toBe(
      `Error: Cannot write "${join(picture, 'why.html')}": a part of its path is a file, not a folder\n`,
    )
  })

  test('caption prints the confidence and the concepts', async () => {
    const { stdout } = await run('caption --run @/mia @/images/dev_red_blue.jpg')
    expect(stdout).toMatch(
      /^\S+dev_red_blue\.jpg\n {2}[a-z ]*\n {2}confidence \d+% \(mean per word\); concepts: \w+(, \w+){3}\n$/,
    )
  })

  test('caption --explain writes a page, and represent the SGIR with the attention of each iteration', async () => {
    const picture = join(folder, 'images/dev_red_blue.jpg')
    await run(`caption --run @/mia --explain @/why.html ${picture}`)
    const page = await readFile(join(folder, 'why.html'), 'utf8')
    expect(page).toContain('after MIA')
    expect(page.match(/<li tabindex/g)!.length).toBeGreaterThan(1)
    await run(`represent --run @/mia --attention --out @/sgir.safetensors ${picture} ${picture}`)
    const { tensors, metadata } = await readSafetensors(join(folder, 'sgir.safetensors'), 'representations')
    expect(JSON.parse(metadata.images!)).toEqual([picture, picture])
    expect(tensors.get('sgir')!.shape).toEqual([2, 4, 32])
    expect(tensors.get('attention.textual.2')!.shape).toEqual([2, 2, 4, 4])
    expect(tensors.get('boxes')!.shape).toEqual([2, 4, 4])
    expect(JSON.parse(metadata.concepts!)[0]).toHaveLength(4)
    await run(`represent --run @/mia --out @/sgir.npy ${picture}`)
    const { shape, data } = parseNpy(await readFile(join(folder, 'sgir.npy')), 'array')
    expect(shape).toEqual([1, 4, 32])
    expect(data).toEqual((tensors.get('sgir')!.data as Float32Array).slice(0, data.length))
  })

  test.each([
    ['tsv', '@/sgir.tsv'],
    ['npz', '@/sgir-npz'],
  ])('represent --data writes a split as %s, which features --bottom-up reads', async (format, out) => {
    const command = `represent --run @/mia --data @/data --split val --format ${format} --out ${out}`
    expect(await json(command)).toMatchObject({ format, split: 'val', written: 25, kept: 0, missing: [] })
    expect(await json(command)).toMatchObject({ written: 0, kept: 25 })
    const copy = join(await temporaryFolder(), 'data')
    await cp(join(folder, 'data'), copy, { recursive: true, filter: (path) => !path.endsWith('features') })
    const imported = await json(`features --data ${copy} --bottom-up ${out}`)
    expect(imported).toMatchObject({ made: 25, bottomUp: { size: 32 } })
    const store = await FeatureStore.open(join(copy, 'features'))
    const read = fromFloat16(await store.read(['dev_red_blue'], 4))
    await store.close()
    await run('represent --run @/mia --out @/one.npy @/images/dev_red_blue.jpg')
    const { data } = parseNpy(await readFile(join(folder, 'one.npy')), 'array')
    for (const [i, value] of data.entries()) expect(Math.abs(read[i]! - value)).toBeLessThan(0.01)
  })

  test('represent --data writes safetensors, refuses another run, and options about images', async () => {
    const command = ['represent', '--run', join(folder, 'mia'), '--data', join(folder, 'data')]
    const out = join(folder, 'sgir-st')
    const { stdout } = await mia([...command, '--format', 'safetensors', '--out', out, '--split', 'val'])
    expect(stdout).toBe(`25 images of val in "${out}", 25 of them new\n`)
    const { tensors } = await readSafetensors(join(out, 'sgir-00001.safetensors'), 'representations')
    expect(tensors.get('dev_red_blue')!.shape).toEqual([4, 32])
    expect([...(tensors.get('dev_red_blue.boxes')!.data as Float32Array).slice(0, 8)]).toEqual([
      0, 0, 0.5, 0.5, 0.5, 0, 1, 0.5,
    ])
    const other = await mia([...command, '--format', 'safetensors', '--out', out, '--split', 'train'])
    expect(other.stderr).toContain('its split is "val", not "train"; give another --out')
    const without = ['represent', '--run', join(folder, 'va'), '--data', join(folder, 'data'), '--out', 'a.tsv']
    expect((await mia(without)).stderr).toContain('it has no MIA; train one with "mia train --mia"')
    for (const [more, why] of [
      [['--out', 'a.npy'], 'say the form, as in --format npz'],
      [['--out', 'a.tsv', 'photo.jpg'], 'Cannot represent both images and a dataset'],
      [['--out', 'a.tsv', '--attention'], 'Cannot use --attention with --data'],
    ] as const) {
      const { status, stderr } = await mia([...command, ...more])
      expect(stderr).toContain(why)
      expect(status).toBe(2)
    }
    const nothing = await mia(['represent', '--run', join(folder, 'mia'), '--out', 'a.npy'])
    expect(nothing.stderr).toContain('Cannot represent nothing: give images, or a dataset with --data')
  })

  test('features uses the pretrained CNN without --cnn, and never mixes features of two CNNs', async () => {
    const builtin = { network: { regions: 49, size: 1104 } }
    await cp(join(folder, 'data'), join(folder, 'builtin'), { recursive: true })
    const { status, stderr } = await mia(['features', '--data', join(folder, 'builtin')])
    expect(stderr).toMatch(/^Error: Cannot add to features ".*": they are 4 regions of 6 .*; these would be 49 regions/)
    expect(status).toBe(1)
    await rm(join(folder, 'builtin/features'), { recursive: true })
    expect(await json('features --data @/builtin')).toMatchObject({ ...builtin, made: 50, kept: 0 })
    expect(await json('features --data @/builtin')).toMatchObject({ ...builtin, made: 0, kept: 50 })
  })

  test('features skips a broken image, names it, and counts it in the end', async () => {
    const broken = join(folder, 'images/train_red_red.jpg')
    await rm(join(folder, 'data/features'), { recursive: true })
    await writeFile(broken, 'not an image')
    const { stdout, stderr } = await run('features --data @/data --cnn @/network.onnx')
    expect(stdout).toContain('49 images with 4 regions of 6 from layer "features", 49 of them new; 1 image skipped')
    expect(stderr).toContain(`Warning: skipped ${broken}: it is not a`)
    const augmentations = await run('features --data @/data --cnn @/network.onnx --augmentations 2') // of 24 of the 25 training images
    expect(augmentations.stdout).toContain(
      '97 images (augmentations included) with 4 regions of 6 from layer "features", 48 of them new',
    )
    expect(augmentations.stderr.match(/skipped /g)).toHaveLength(1)
  })

  test('caption refuses another CNN than that of the features', async () => {
    await writeFile(join(folder, 'other.onnx'), network(2))
    const picture = join(folder, 'images/dev_red_blue.jpg')
    const { status, stderr } = await mia([
      'caption',
      '--run',
      join(folder, 'mia'),
      '--cnn',
      join(folder, 'other.onnx'),
      picture,
    ])
    expect(stderr).toMatch(/^Error: Cannot use run .* with network .*: its features are .*; the run needs /)
    expect(status).toBe(1)
  })
})

test.each([
  ['--bottom-up a.tsv --cnn a.onnx', 'Cannot extract features with both --bottom-up and --cnn: give one of them'],
  [
    '--bottom-up a.tsv --detector builtin',
    'Cannot extract features with both --bottom-up and --detector: give one of them',
  ],
  [
    '--bottom-up a.tsv --augmentations 2',
    'Cannot use --augmentations with --bottom-up: only grid features can be augmented',
  ],
  ['--split val --augmentations 2', 'Cannot use --augmentations with --split val: only training images are augmented'],
  ['--layer conv5', 'Cannot use --layer without --cnn: it says how to use your own CNN'],
  ['--size 320', 'Cannot use --size without --cnn: it says how to use your own CNN'],
])('features refuses %s', async (line, why) => {
  const { status, stderr } = await mia(['features', '--data', 'nowhere', ...line.split(' ')])
  expect(stderr).toContain(why)
  expect(status).toBe(2)
})

test('doctor checks the installation, and models lists the runs', async () => {
  const { checks } = (await json('doctor')) as { checks: { name: string; status: string; found: string }[] }
  const found = Object.fromEntries(checks.map(({ name, status, found }) => [name, `${status} ${found}`]))
  expect(found.Node).toBe(`ok ${process.version} on ${process.platform} ${process.arch}`)
  expect(found['mia-caption']).toBe(`ok ${packageVersion()}`)
  expect(found['ONNX Runtime']).toMatch(/^ok \d.*, ran a model on the CPU$/)
  // never "ok" without a run
  for (const kind of ['webgpu', 'cuda'])
    expect(found[`device ${kind}`]).toMatch(/^(ok ran a model; use it with --device|none (written, )?not run: .)/)
  expect(found['image library']).toMatch(/^ok sharp/)
  expect(found['pretrained captioner']).toMatch(/^ok \d+ files in .*pretrained, checksums match$/)
  expect(found['pretrained CNN']).toMatch(/^ok network.onnx, checksum matches/)
  const { runs } = (await json('models --runs @/.')) as {
    runs: { run: string; mia: boolean; epochs: number; cider: number }[]
  }
  const run = runs.find(({ run }) => run.endsWith('mia'))!
  expect([run.mia, run.epochs > 0, run.cider > 0]).toEqual([true, true, true])
  await mkdir(join(folder, 'damaged', 'a'), { recursive: true })
  await mkdir(join(folder, 'damaged', 'not-a-run'))
  await writeFile(join(folder, 'damaged', 'a', 'config.json'), '{"format":')
  const damaged = await mia(['models', '--runs', join(folder, 'damaged')])
  expect(damaged.status).toBe(0)
  expect(damaged.stderr.trimEnd().split('\n')).toEqual([
    expect.stringContaining(
      `left out ${join(folder, 'damaged', 'a')}: Cannot read run "${join(folder, 'damaged', 'a', 'config.json')}": it is not JSON`,
    ),
  ])
  const none = await mia(['models', '--runs', join(folder, 'nowhere')])
  expect(none.stderr).toMatch(
    /^Error: Cannot list the runs in .*nowhere": there is no such folder; train one with "mia train"/,
  )
})

test('a missing dataset is an error of one line', async () => {
  const { status, stdout, stderr } = await mia(['features', '--data', join(folder, 'nowhere'), '--cnn', 'network.onnx'])
  expect(stderr).toMatch(/^Error: Cannot read dataset ".*nowhere\/dataset.json": there is no such file\n$/)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})

test.skipIf(!existsSync(join(shared, 'golden/metrics')))(
  'eval computes the scores of coco-caption (needs ../shared)',
  async () => {
    const files = await readdir(join(shared, 'golden/metrics'))
    const golden = files.filter((file) => file.startsWith('clipscore'))
    expect(golden).not.toEqual([])
    for (const file of golden) {
      const { refs, cands, scores } = JSON.parse(await readFile(join(shared, 'golden/metrics', file), 'utf8'))
      const results = Object.entries(cands as Record<string, string[]>).map(([id, [caption]]) => ({
        image_id: id,
        caption,
      }))
      await writeFile(join(folder, 'refs.json'), JSON.stringify(refs))
      await writeFile(join(folder, 'cands.json'), JSON.stringify(results))
      const answer = await json('eval --references @/refs.json --results @/cands.json --metrics CIDEr,Bleu_1')
      const ours = answer.scores as { name: string; score: number }[]
      expect(ours.map(({ name }) => name)).toEqual(['Bleu_1', 'CIDEr'])
      for (const { name, score } of ours) expect(score).toBeCloseTo(scores[name], 6)
    }
  },
)

test('eval prints scores with ranges and signatures, compares systems, and writes the files of its options', async () => {
  const captions = { 1: ['a dog runs'], '<2>': ['two cats sleep'] }
  await writeFile(join(folder, 'refs.json'), JSON.stringify(captions))
  const results = [
    { image_id: 1, caption: 'A dog runs.' },
    { image_id: '<2>', caption: 'one dog' },
  ]
  await writeFile(join(folder, 'results.json'), JSON.stringify(results))
  const line = 'eval --references @/refs.json --results @/results.json --metrics Bleu_1'
  const { stdout } = await run(line)
  // 3 of 5 words match; 5 words for 6 have a brevity penalty of exp(1 - 6/5)
  expect(stdout).toMatch(
    /^score +value +range +signature\nBleu_1 +0\.4912 +0\.\.1 +Bleu_1\|tok:ptb-3\.4\.1\|.*\|images:2\|version:2\n\n2 captions of 2\.5 words, 4 different words; distinct-1 0\.8000, distinct-2 1\.0000\n$/,
  )
  expect(await json(line)).not.toHaveProperty('images')
  const files = '--per-image @/each.json --html @/scores.html --images @/images --save-document-frequencies @/df.json'
  const compared = await run(`${line} ${files} --compare @/results.json --samples 50`)
  expect(compared.stdout).toMatch(/Bleu_1 +0\.4912 +0\.0000\.\.1\.0000 +0\.4912 +\+0\.0000 +0\.0000\.\.0\.0000 +1\.000/)
  const each = JSON.parse(await readFile(join(folder, 'each.json'), 'utf8'))
  expect(each).toEqual([
    { image_id: 1, caption: 'A dog runs.', references: ['a dog runs'], scores: { Bleu_1: expect.closeTo(1, 6) } },
    { image_id: '<2>', caption: 'one dog', references: ['two cats sleep'], scores: { Bleu_1: expect.closeTo(0, 6) } },
  ])
  const page = await readFile(join(folder, 'scores.html'), 'utf8')
  expect(page).toContain('&#60;2&#62;')
  expect(page).not.toMatch(/(?:src|href)="(?!data:)/)
  const saved = await json(`${line},CIDEr --document-frequencies @/df.json`)
  expect(JSON.stringify(saved.scores)).toContain('df:saved-2')
})
