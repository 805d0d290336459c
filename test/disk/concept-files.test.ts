import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type ConceptInfo,
  detectorFor,
  formatDetector,
  type StoredDetector,
} from '../../src/caption/stored-detector.ts'
import type { Weight } from '../../src/caption/weights.ts'
import {
  detectorFiles,
  isFromDetector,
  readConcepts,
  readDetector,
  writeConcepts,
  writeDetector,
} from '../../src/disk/concept-files.ts'
import { readSafetensors, writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { UserError } from '../../src/errors.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { damaged, damages } from '../support/damaged-weights.ts'
import { temporaryFolder } from '../support/folder.ts'
import { halves } from '../support/small-run.ts'
import { source } from '../vision/sources.ts'

const info: ConceptInfo = {
  words: ['red', 'dog'],
  features: source,
  meanAveragePrecision: 0.5,
  averagePrecision: { red: 0.75, dog: 0.25 },
}
const weights = halves(detectorFor(2, source).parameters)

/** A detector as version 0.1.0 wrote it: the description in `detector.json` alone. */
async function writeEarlierDetector(folder: string): Promise<void> {
  const files = detectorFiles(folder)
  await writeFile(files.info, formatDetector(info))
  await writeSafetensors(files.weights, weights)
}

describe('readDetector()', () => {
  test('returns what writeDetector() was given', async () => {
    const folder = await temporaryFolder()
    await writeDetector(folder, { info, weights })
    expect(await readDetector(folder)).toEqual({ info, weights })
    expect(await readFile(detectorFiles(folder).info, 'utf8')).toBe(formatDetector(info))
  })

  test('never pairs new weights with the words of the detector before, killed between its two files or not', async () => {
    const folder = await temporaryFolder()
    await writeDetector(folder, { info, weights })
    const before = await readFile(detectorFiles(folder).info)
    const changed = { ...info, words: ['blue', 'cat'], averagePrecision: { blue: 0.1, cat: 0.2 } }
    await writeDetector(folder, { info: changed, weights })
    await writeFile(detectorFiles(folder).info, before)
    expect((await readDetector(folder)).info).toEqual(changed)
    await rm(detectorFiles(folder).info)
    expect((await readDetector(folder)).info).toEqual(changed)
  })

  test('reads detectors of version 0.1.0', async () => {
    const folder = await temporaryFolder()
    await writeEarlierDetector(folder)
    expect(await readDetector(folder)).toEqual({ info, weights })
    await rm(detectorFiles(folder).info)
    await expect(readDetector(folder)).rejects.toThrow(`"${detectorFiles(folder).info}": there is no such file`)
  })

  test.each([1e21, 2 ** 53, 1_000_001])('refuses features of %d numbers, naming the field', async (size) => {
    const folder = await temporaryFolder()
    await writeEarlierDetector(folder)
    const files = detectorFiles(folder)
    await writeFile(files.info, formatDetector({ ...info, features: { ...source, size } }))
    await expect(readDetector(folder)).rejects.toThrow(
      `Cannot read "${files.info}": features.size is ${size} and should be at most 1,000,000`,
    )
  })

  test('names both files of version 0.1.0 if they do not fit', async () => {
    const folder = await temporaryFolder()
    await writeEarlierDetector(folder)
    const files = detectorFiles(folder)
    await writeFile(files.info, formatDetector({ ...info, words: ['red', 'dog', 'cat'] }))
    const reading = readDetector(folder)
    await expect(reading).rejects.toThrow(`Cannot read concept detector "${files.weights}": "weight" is `)
    await expect(reading).rejects.toThrow(`its words and features are those of "${files.info}"; train it again`)
  })

  test.each(damages)('refuses weights with %s', async (_, damage, why) => {
    const folder = await temporaryFolder()
    const files = detectorFiles(folder)
    for (const write of [() => writeDetector(folder, { info, weights }), () => writeEarlierDetector(folder)]) {
      await write()
      const { metadata } = await readSafetensors(files.weights, 'concept detector')
      await writeSafetensors(files.weights, damaged(weights, 'bias', damage), metadata)
      await expect(readDetector(folder)).rejects.toThrow(UserError)
      await expect(readDetector(folder)).rejects.toThrow(why)
      await expect(readDetector(folder)).rejects.toThrow(`Cannot read concept detector "${files.weights}"`)
    }
  })

  test.each(['{"format": "mia-concepts/1"}', 'not JSON'])('refuses the description %j', async (detector) => {
    const folder = await temporaryFolder()
    await writeSafetensors(detectorFiles(folder).weights, weights, { detector })
    await expect(readDetector(folder)).rejects.toThrow(UserError)
  })
})

test('readConcepts() refuses an image that comes twice: which line is right?', async () => {
  const path = join(await temporaryFolder(), 'concepts.jsonl')
  const line = '{"id":"7","words":["red"],"scores":[0.9]}\n'
  await writeFile(path, line + line.replace('7', '8') + line.replace('red', 'blue'))
  await expect(readConcepts(path)).rejects.toThrow(
    `Cannot read concepts "${path}": line 3 is of image "7", as one before`,
  )
})

describe('writeConcepts()', () => {
  const entry = { id: '7', words: ['red', 'dog'], scores: [0.9, 0.5] }
  const detector: StoredDetector = { info, weights }
  const changed = new Map([...weights].map(([name, each]) => [name, { ...each, data: each.data.map((x) => x * 2) }]))

  test('says which detector found the concepts: not one of other words or weights', async () => {
    const path = join(await temporaryFolder(), 'concepts.jsonl')
    await writeConcepts(path, detector, [entry])
    expect([...(await readConcepts(path)).values()]).toEqual([entry])
    expect(await isFromDetector(path, detector)).toBe(true)
    expect(await isFromDetector(path, { info, weights: changed })).toBe(false)
    expect(await isFromDetector(path, { info: { ...info, words: ['red', 'cat'] }, weights })).toBe(false)
    expect(await isFromDetector(path, { info: { ...info, meanAveragePrecision: 0 }, weights })).toBe(true)
  })

  test('knows the detector when it was packed as float16', async () => {
    const [folder, thirds] = [await temporaryFolder(), new Map([...weights].map(([name, each]) => [name, third(each)]))]
    const path = join(folder, 'concepts.jsonl')
    await writeConcepts(path, { info, weights: thirds }, [entry])
    const packed = new Map(
      [...thirds].map(([name, each]) => [
        name,
        { ...each, dtype: 'F16' as const, data: toFloat16(each.data as Float32Array) },
      ]),
    )
    await writeDetector(folder, { info, weights: packed })
    expect(await isFromDetector(path, await readDetector(folder))).toBe(true)
  })

  test('a file without the first line, of version 0.1.0, is accepted', async () => {
    const path = join(await temporaryFolder(), 'concepts.jsonl')
    await writeFile(path, `${JSON.stringify(entry)}\n`)
    expect(await isFromDetector(path, detector)).toBe(true)
  })
})

/** The weight with each number a third: such numbers change when they are rounded to float16. */
const third = (weight: Weight): Weight => ({ ...weight, data: weight.data.map((x) => x / 3) })

describe('readConcepts()', () => {
  const entry = { id: '7', words: ['red', 'dog'], scores: [0.9, 0.5] }

  test('returns the entries by id', async () => {
    const path = join(await temporaryFolder(), 'concepts.jsonl')
    const other = { id: '8', words: [], scores: [] }
    await writeFile(path, `${JSON.stringify(entry)}\n\n${JSON.stringify(other)}\n`)
    expect([...(await readConcepts(path))]).toEqual([
      ['7', entry],
      ['8', other],
    ])
  })

  test.each([
    'not JSON',
    'null',
    '{"id":7,"words":["red"],"scores":[1]}',
    '{"id":"7","words":"red","scores":[1,1,1]}',
    '{"id":"7","words":["red",1],"scores":[1,1]}',
    '{"id":"7","words":["red"]}',
    '{"id":"7","words":["red"],"scores":[]}',
    '{"id":"7","words":["red"],"scores":[null]}',
    '{"id":"7","words":["red"],"scores":["1"]}',
  ])('refuses the line %s with its number', async (line) => {
    const path = join(await temporaryFolder(), 'concepts.jsonl')
    await writeFile(path, `${JSON.stringify(entry)}\n${line}\n`)
    await expect(readConcepts(path)).rejects.toThrow(UserError)
    await expect(readConcepts(path)).rejects.toThrow(`Cannot read concepts "${path}": line 2 is not an entry`)
  })
})
