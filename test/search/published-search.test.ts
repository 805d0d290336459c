import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { type Stepper, search } from '../../src/search/index.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { END, START } from '../../src/text/vocabulary.ts'
import { openReference, referenceFiles } from '../golden/reference.ts'

interface Caption {
  words: readonly number[]
  logProb: number
}

/**
 * The published search for one image, in which a finished hypothesis keeps its place and grows on, until the best one is
 * finished: not a search to use, but every one of its hypotheses and scores is known.
 */
async function publishedSearch<State>(stepper: Stepper<State>, image: number, beam: number): Promise<Caption[]> {
  let state = (await stepper.start(image + 1)) as State
  let rows: (Caption & { parent: number })[] = [{ words: [], logProb: 0, parent: image }]
  for (let length = 0; length < 20 && rows[0]!.words.at(-1) !== END; length++) {
    const words = Int32Array.from(rows, (row) => row.words.at(-1) ?? START)
    const parents = Int32Array.from(rows, (row) => row.parent)
    const output = await stepper.step(state, { words, parents, images: new Int32Array(rows.length).fill(image) }, beam)
    rows = rows
      .flatMap((row, parent) =>
        Array.from({ length: beam }, (_, i) => ({
          words: [...row.words, output.ids[parent * beam + i]!],
          logProb: row.logProb + output.logProbs[parent * beam + i]!,
          parent,
        })),
      )
      .sort((a, b) => b.logProb - a.logProb)
      .slice(0, beam)
    state = output.state
  }
  return rows
}

for (const file of referenceFiles)
  describe(basename(file, '.safetensors'), () => {
    const { metadata, model, weights, batch, images } = openReference(file)
    let decoder: ModelDecoder
    beforeAll(async () => {
      decoder = await ModelDecoder.load(nodeRuntime, model, new Map(Object.entries(weights)), {
        featureType: 'float32',
      })
    })
    afterAll(() => decoder.release())
    const encode = () => decoder.encode(batch.features!.data as Float32Array, batch.concepts!.data as Int32Array)

    /** The golden captions of each image, best first. */
    const golden = (name: 'greedy' | 'beam3'): Caption[][] => {
      const scores = JSON.parse(metadata[`${name}_scores`]!) as number[][]
      const captions = JSON.parse(metadata[name]!) as number[][][]
      return captions.map((each, image) => each.map((words, i) => ({ words, logProb: scores[image]![i]! })))
    }
    const expectSame = (actual: readonly Caption[], expected: readonly Caption[]): void => {
      expect(actual.map(({ words }) => words)).toEqual(expected.map(({ words }) => words))
      for (const [i, { logProb }] of actual.entries())
        expect(Math.abs(logProb - expected[i]!.logProb)).toBeLessThan(1e-4 * Math.max(1, Math.abs(logProb)))
    }

    test('a beam of 1 gives the published greedy captions and their scores', async () => {
      const found = await search(await encode(), images, { beam: 1 })
      for (const [image, expected] of golden('greedy').entries()) expectSame(found[image]!, expected)
    })

    test('stepped as the published search steps, gives all three of its hypotheses', async () => {
      for (const [image, expected] of golden('beam3').entries())
        expectSame(await publishedSearch(await encode(), image, 3), expected)
    })

    test('a beam of 3 finds the published best caption, or a more probable one', async () => {
      const found = await search(await encode(), images, { beam: 3 })
      for (const [image, [expected]] of golden('beam3').entries()) {
        const best = found[image]![0]!
        if (`${best.words}` === `${expected!.words}`) expectSame([best], [expected!])
        else expect(best.logProb).toBeGreaterThan(expected!.logProb + 0.01)
      }
    })
  })
