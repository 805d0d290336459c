import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { CaptionOptions } from '../../src/caption/caption-options.ts'
import type { ImageCaption } from '../../src/caption/photo-caption.ts'
import { ImageError, type Pixels } from '../../src/engine/pictures.ts'
import { QueueFullError } from '../../src/engine/queue.ts'
import { UserError } from '../../src/errors.ts'
import { Captioner } from '../../src/hosts/node/captioner.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import { representImages } from '../../src/hosts/node/represent-images.ts'
import { BAD_ENDINGS, FUNCTION_WORDS } from '../../src/text/english-words.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyRun } from '../support/tiny-run.ts'

/** A small picture of one colour: different numbers give different pictures. */
const plain = (number: number): Pixels => ({
  width: 4,
  height: 4,
  data: Uint8Array.from({ length: 48 }, (_, i) => (number * 37 * (1 + (i % 3))) % 256),
})

let captioner: Captioner
beforeAll(async () => {
  captioner = await Captioner.load()
})
afterAll(() => captioner.release())

test('300 callers at once get the captions that a list of the same pictures gets', async () => {
  const pictures = Array.from({ length: 300 }, (_, i) => plain(i % 40))
  const { captions } = await captioner.captionAll(pictures.slice(0, 40))
  const found = await Promise.all(pictures.map((picture) => captioner.caption(picture)))
  expect(found.map(({ caption }) => caption)).toEqual(pictures.map((_, i) => captions[i % 40]!.caption))
  expect(new Set(captions.map(({ caption }) => caption)).size).toBeGreaterThan(1)
})

test('a picture that cannot be read fails its own caller and no other', async () => {
  const broken = Uint8Array.of(1, 2, 3)
  const found = await Promise.allSettled([plain(1), broken, plain(2)].map((picture) => captioner.caption(picture)))
  expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((found[1] as PromiseRejectedResult).reason).toBeInstanceOf(ImageError)
  expect((found[1] as PromiseRejectedResult).reason.message).toMatch(/^Cannot read the image: it is not an image/)
})

test('in a list, pictures that cannot be read are skipped with their index and the reason', async () => {
  const { captions, skipped } = await captioner.captionAll([plain(1), Uint8Array.of(1), plain(2), 'nowhere.jpg'])
  expect(captions.map(({ image, index }) => [image, index])).toEqual([
    ['#0', 0],
    ['#2', 2],
  ])
  expect(skipped).toEqual([
    { image: '#1', index: 1, reason: expect.stringContaining('it is not an image') },
    { image: 'nowhere.jpg', index: 3, reason: 'there is no such file' },
  ])
})

test('captionEach() yields captions and skipped pictures in order, batch by batch, and may be left early', async () => {
  const pictures = Array.from({ length: 40 }, (_, i) => (i === 3 ? Uint8Array.of(1) : plain(i)))
  const { captions, skipped } = await captioner.captionAll(pictures)
  const progress: number[] = []
  const found: object[] = []
  for await (const each of captioner.captionEach(pictures, { onProgress: (done) => progress.push(done) })) {
    found.push(each)
    expect(progress.at(-1)! - found.length).toBeLessThan(16) // no later batch is waited for
  }
  expect(found).toEqual([...captions.slice(0, 3), ...skipped, ...captions.slice(3)])
  for await (const each of captioner.captionEach(pictures)) {
    expect(each).toEqual(captions[0])
    break
  }
  const stopped = captioner.captionEach(pictures, { signal: AbortSignal.abort() }).next()
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
})

test('minLength makes captions longer, and must be below maxLength', async () => {
  const { words } = await captioner.caption(plain(1))
  const longer = await captioner.caption(plain(1), { minLength: words.length + 3 })
  expect(longer.words.length).toBeGreaterThanOrEqual(words.length + 3)
  const all = await captioner.captionAll([plain(1)], { minLength: words.length + 3 })
  expect(all.captions[0]!.caption).toBe(longer.caption)
  await expect(captioner.captionAll([plain(1)], { minLength: 5, maxLength: 5 })).rejects.toThrow(
    'Cannot caption with minLength 5: it must be below maxLength 5, which counts the end token',
  )
})

test('what is blocked does not come, for callers and for lists alike', async () => {
  const pictures = Array.from({ length: 40 }, (_, i) => plain(i))
  const unlike = { beam: 4, minLength: 12, blockNgrams: 2, blockRepeatedWords: true, blockBadEndings: true } as const
  const { captions } = await captioner.captionAll(pictures, unlike)
  const free = await captioner.captionAll(pictures, { beam: 4, minLength: 12, blockRepeatedWords: false })
  const repeated = (of: typeof captions): string[] =>
    of.flatMap(({ caption }) =>
      caption.split(' ').filter((word, i, words) => !FUNCTION_WORDS.has(word) && words.indexOf(word) < i),
    )
  expect(repeated(free.captions).length).toBeGreaterThan(0) // there is something to block
  expect(repeated(captions)).toEqual([])
  for (const { caption, words } of captions) {
    const pairs = words.slice(1).map(({ word }, i) => `${words[i]!.word} ${word}`)
    expect(new Set(pairs).size, caption).toBe(pairs.length)
    expect(words.length).toBeGreaterThanOrEqual(12)
    if (words.length < 20) expect(BAD_ENDINGS.has(words.at(-1)!.word), caption).toBe(false)
  }
  expect((await captioner.caption(plain(7), unlike)).caption).toBe(captions[7]!.caption)
})

test('several captions come best first, and the first is that of one caption', async () => {
  const byProbability = { beam: 4, conceptWeight: 0, lengthPenalty: 'none' } as const
  const one = await captioner.caption(plain(3), byProbability)
  const several = await captioner.caption(plain(3), { ...byProbability, captions: 4 })
  expect(one.alternatives).toEqual([])
  expect(several.caption).toBe(one.caption)
  const all = [several, ...several.alternatives]
  expect(new Set(all.map(({ caption }) => caption)).size).toBe(4)
  const probabilities = all.map(({ probability }) => probability)
  expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a))
  const five = await captioner.caption(plain(3), { conceptWeight: 0, captions: 5 })
  expect(five.alternatives).toHaveLength(4) // the beam grows with it
})

test('groups bring captions that differ more', async () => {
  const words = (found: ImageCaption): Set<string> =>
    new Set([found, ...found.alternatives].flatMap(({ caption }) => caption.split(' ')))
  const plainly = await captioner.caption(plain(3), { beam: 4, captions: 4 })
  const diverse = await captioner.caption(plain(3), { groups: 4, captions: 4, diversity: 2 })
  expect(words(diverse).size).toBeGreaterThan(words(plainly).size)
})

test('required words appear, one of each list, also as sequences; unknown ones are named', async () => {
  const require = [['dogs', 'dog', 'no-such-word'], ['next to', 'red'], ['water']]
  const pictures = Array.from({ length: 5 }, (_, i) => plain(i))
  const { captions } = await captioner.captionAll(pictures, { require })
  for (const { caption } of captions) {
    expect(caption).toMatch(/\b(dog|dogs)\b/)
    expect(caption).toMatch(/\b(next to|red)\b/)
    expect(caption).toMatch(/\bwater\b/)
  }
  const unknown = captioner.caption(plain(1), { require: [['dog'], ['xylophone', 'zither']] })
  await expect(unknown).rejects.toThrow('Cannot require "xylophone", "zither": the captioner\'s vocabulary of')
  await expect(captioner.caption(plain(1), { require: [[]] })).rejects.toThrow('Cannot require nothing')
})

test('samples depend on the seed and on the image alone', async () => {
  const drawn = { sample: true, captions: 3, topP: 0.9 } as const
  const texts = ({ caption, alternatives }: ImageCaption): string[] => [caption, ...alternatives.map((a) => a.caption)]
  const first = texts(await captioner.caption(plain(3), drawn))
  const { captions } = await captioner.captionAll([plain(1), plain(3), plain(2)], drawn)
  expect(texts(captions[1]!)).toEqual(first)
  expect(texts(await captioner.caption(plain(3), { ...drawn, seed: 2 }))).not.toEqual(first)
})

test('choices that contradict each other are refused, with what to do', async () => {
  const ask = (options: CaptionOptions): Promise<unknown> => captioner.caption(plain(1), options)
  await expect(ask({ captions: 5, beam: 3 })).rejects.toThrow(
    'Cannot caption with captions 5: it must be at most beam 3',
  )
  await expect(ask({ groups: 2 })).rejects.toThrow('groups 2: it must be 1 for a single caption')
  await expect(ask({ groups: 2, beam: 5, captions: 2 })).rejects.toThrow('beam 5: it must be a multiple of groups 2')
  await expect(ask({ topK: 5 })).rejects.toThrow('topK 5: it must be left out without sample')
  await expect(ask({ sample: true, temperature: 0 })).rejects.toThrow('temperature 0: it must be a number above 0')
  await expect(ask({ sample: true, require: [['dog']] })).rejects.toThrow('with sample and require: choose one of them')
  await expect(ask({ lengthPenalty: 'wu_x' as never })).rejects.toThrow(
    'lengthPenalty wu_x: it must be none, average, or',
  )
})

test('runs caption together, and are not explained together', async () => {
  const { trained } = captioner
  const twice = await Captioner.open(captioner.engine, [trained, trained])
  try {
    const [one, both] = [await captioner.caption(plain(4)), await twice.caption(plain(4))]
    expect(both.caption).toBe(one.caption)
    expect(both.probability).toBeCloseTo(one.probability, 4)
    await expect(twice.explain(plain(4))).rejects.toThrow('Cannot explain captions by 2 runs together')
  } finally {
    await twice.release()
  }
  const other = { ...trained, name: 'other', vocabulary: Vocabulary.build([['a']], { minCount: 1 }) }
  await expect(Captioner.open(captioner.engine, [trained, other])).rejects.toThrow('they have other vocabularies')
})

test('callers with other options are served apart: greedy search beside a beam, explanations beside captions', async () => {
  const [greedy, beam, explained] = await Promise.all([
    captioner.caption(plain(3), { beam: 1, maxLength: 4 }),
    captioner.caption(plain(3)),
    captioner.explain(plain(3)),
  ])
  expect(greedy.words.length).toBeLessThanOrEqual(4)
  expect(explained.caption).toBe(beam.caption)
  expect(explained.explanation.words).toHaveLength(explained.words.length)
})

test('explain() compiles its graph once for all calls', async () => {
  const { runtime } = captioner.engine
  let loads = 0
  const load: typeof runtime.load = (model) => {
    loads++
    return runtime.load(model)
  }
  const counting = await Captioner.open({ ...captioner.engine, runtime: { load } }, captioner.trained)
  try {
    await counting.explain(plain(1))
    const before = loads
    for (let i = 2; i < 5; i++) await counting.explain(plain(i))
    expect(loads).toBe(before)
  } finally {
    await counting.release()
  }
})

test('an aborted caller gets the reason, and its place in the queue is free', async () => {
  const controller = new AbortController()
  const waiting = Array.from({ length: 40 }, (_, i) => captioner.caption(plain(i)))
  const aborted = captioner.caption(plain(1), { signal: controller.signal })
  controller.abort(new Error('nobody waits'))
  await expect(aborted).rejects.toThrow('nobody waits')
  await Promise.all(waiting)
})

test('a queue that refuses says so when it is full; a released captioner refuses all', async () => {
  const small = await Captioner.load(undefined, { queue: { capacity: 2, whenFull: 'refuse' } })
  const asked = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => small.caption(plain(i))))
  const refused = asked.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(40)
  for (const { reason } of refused) expect(reason).toBeInstanceOf(QueueFullError)
  await small.release()
  await expect(small.caption(plain(1))).rejects.toThrow(UserError)
})

test('a caller with impossible options fails alone, with what is wrong', async () => {
  const found = await Promise.allSettled([
    captioner.caption(plain(1)),
    captioner.caption(plain(2), { beam: 0 }),
    captioner.caption(plain(3), { maxLength: 1.5 }),
    captioner.caption(plain(4)),
  ])
  expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect((found[1] as PromiseRejectedResult).reason.message).toBe(
    'Cannot caption with beam 0: it must be a whole number from 1 to 10,000',
  )
})

test('an engine that fails for some options fails only the callers with those', async () => {
  const { runtime } = captioner.engine
  const failing: typeof runtime.load = async (model) => {
    const session = await runtime.load(model)
    const isExplainer = session.outputNames.includes('attention')
    return isExplainer
      ? { ...session, run: () => Promise.reject(new Error('no memory')), release: () => session.release() }
      : session
  }
  const other = await Captioner.open({ ...captioner.engine, runtime: { load: failing } }, captioner.trained)
  try {
    const found = await Promise.allSettled([other.caption(plain(1)), other.explain(plain(1)), other.caption(plain(2))])
    expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  } finally {
    await other.release()
  }
})

test('when every caller of a batch has gone, its work stops', async () => {
  const controller = new AbortController()
  let steps = 0
  const { runtime } = captioner.engine
  const counting: typeof runtime.load = async (model) => {
    const session = await runtime.load(model)
    const runOnDevice: typeof session.runOnDevice = (feeds, wanted) => {
      if (session.inputNames.includes('words') && ++steps === 2) controller.abort(new Error('nobody waits'))
      return session.runOnDevice(feeds, wanted)
    }
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (feeds, options) => session.run(feeds, options),
      runOnDevice,
      release: () => session.release(),
    }
  }
  const other = await Captioner.open({ ...captioner.engine, runtime: { load: counting } }, captioner.trained)
  try {
    const asked = Array.from({ length: 4 }, (_, i) => other.caption(plain(i), { signal: controller.signal }))
    const found = await Promise.allSettled(asked)
    expect(found.every(({ status }) => status === 'rejected')).toBe(true)
    await other.caption(plain(9)) // the next batch begins when the abandoned one has ended
    const [abandoned, whole] = [2, 6]
    expect(steps).toBeGreaterThan(abandoned + 2)
    expect(steps).toBeLessThan(abandoned + 1 + 2 * whole + 10)
  } finally {
    await other.release()
  }
})

test('explanations of many lengths keep one compiled graph', async () => {
  const { runtime } = captioner.engine
  let live = 0
  const counting: typeof runtime.load = async (model) => {
    const session = await runtime.load(model)
    live += 1
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (feeds, options) => session.run(feeds, options),
      runOnDevice: (feeds, wanted) => session.runOnDevice(feeds, wanted),
      release: () => {
        live -= 1
        session.release()
      },
    }
  }
  const other = await Captioner.open({ ...captioner.engine, runtime: { load: counting } }, captioner.trained)
  await other.explain(plain(1), { maxLength: 5 })
  const before = live
  for (const maxLength of [8, 12, 20, 25, 45]) await other.explain(plain(1), { maxLength })
  expect(live).toBe(before)
  await other.release()
  expect(live).toBe(0)
})

test('represent() gives each caller what a list of the same images gives, beside callers that want captions', async () => {
  const pictures = Array.from({ length: 20 }, (_, i) => plain(i))
  const { tensors, concepts } = await representImages(PRETRAINED, pictures)
  const [found, caption] = await Promise.all([
    Promise.all(pictures.map((picture) => captioner.represent(picture))),
    captioner.caption(plain(1)),
  ])
  expect(caption.caption).not.toBe('')
  expect(found.map((each) => each.concepts)).toEqual(concepts)
  for (const [name, { shape, data }] of tensors) {
    const size = data.length / pictures.length
    for (const [i, each] of found.entries()) {
      const { shape: ours, data: numbers } = each.tensors.get(name)!
      expect(ours).toEqual(shape.slice(1))
      const furthest = numbers.reduce((most, x, k) => Math.max(most, Math.abs(x - data[i * size + k]!)), 0)
      expect(furthest).toBeLessThan(1e-5)
    }
  }
  await expect(captioner.represent(Uint8Array.of(1))).rejects.toThrow(ImageError)
})

test('of the ten captions of a beam, that with the best score and concepts is chosen', async () => {
  const pictures = Array.from({ length: 8 }, (_, i) => plain(i))
  const plainly = await captioner.captionAll(pictures, { beam: 10, captions: 10, conceptWeight: 0 })
  const chosen = await captioner.captionAll(pictures)
  const explained = await captioner.explainAll(pictures)
  const { words, imageShares } = captioner.trained.detector!.info
  let moved = 0
  for (const [i, { caption: first, words: tokens, probability, alternatives }] of plainly.captions.entries()) {
    const confidence = new Map(explained.captions[i]!.allConcepts.map(({ word, score }) => [word, score]))
    const scores = [{ caption: first, words: tokens, probability }, ...alternatives].map((each) => {
      const said = new Set(each.words.map(({ word }) => word))
      const named = [...said].filter((word) => confidence.has(word))
      const worth = named.map((word) => confidence.get(word)! * Math.log(1 / imageShares![words.indexOf(word)]!))
      const score = Math.log(each.probability) / (each.words.length + 1)
      return { caption: each.caption, score: score + 0.2 * worth.reduce((sum, value) => sum + value, 0) }
    })
    const best = scores.toSorted((a, b) => b.score - a.score)[0]!
    expect(chosen.captions[i]!.caption).toBe(best.caption)
    expect(explained.captions[i]!.caption).toBe(best.caption)
    if (best.caption !== first) moved++
  }
  expect(moved).toBeGreaterThan(0)
})

test('a captioner whose detector does not know how rare words are searches with a beam of 3, whatever the weight', async () => {
  const folder = await temporaryFolder()
  await writeTinyRun(folder)
  const tiny = await Captioner.load(folder)
  onTestFinished(() => tiny.release())
  const pictures = Array.from({ length: 6 }, (_, i) => plain(i))
  const asked = await tiny.captionAll(pictures, { beam: 3, conceptWeight: 0, captions: 3 })
  expect(await tiny.captionAll(pictures, { captions: 3 })).toEqual(asked)
  expect(await tiny.captionAll(pictures, { captions: 3, conceptWeight: 1 })).toEqual(asked)
  expect(await tiny.captionAll(pictures, { captions: 3, beam: 10 })).not.toEqual(asked)
})
