import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { search } from '../../src/search/index.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { openReference, referenceFiles } from './reference.ts'

for (const file of referenceFiles)
  describe(basename(file, '.safetensors'), () => {
    const golden = openReference(file)
    const parse = <T>(name: string): T => JSON.parse(golden.metadata[name]!) as T

    const searched = async (beam: number) => {
      const decoder = await ModelDecoder.load(nodeRuntime, golden.model, new Map(Object.entries(golden.weights)), {
        featureType: 'float32',
      })
      const concepts = Int32Array.from(golden.batch.concepts!.data as Int32Array)
      const stepper = await decoder.encode(floatData(golden.batch.features), concepts)
      const found = await search(stepper, golden.images, { beam, maxLength: 20 })
      stepper.release()
      await decoder.release()
      return found.map(([best]) => best!)
    }

    test('greedy search says the published words with the published log-probability', async () => {
      const found = await searched(1)
      const scores = parse<number[][]>('greedy_scores')
      expect(found.map(({ words }) => words)).toEqual(parse<number[][][]>('greedy').map(([words]) => words))
      for (const [i, { logProb }] of found.entries()) expect(logProb).toBeCloseTo(scores[i]![0]!, 4)
    })

    test('a beam of 3 finds at least the best published hypothesis', async () => {
      const found = await searched(3)
      const words = parse<number[][][]>('beam3').map(([best]) => best!.slice(0, best!.indexOf(2) + 1 || undefined))
      const scores = parse<number[][]>('beam3_scores').map(([best]) => best!)
      for (const [i, { words: ours, logProb }] of found.entries()) {
        // the published search keeps growing finished hypotheses, so a better one may have dropped out of its beam
        expect(logProb).toBeGreaterThan(scores[i]! - 1e-4)
        if (`${ours}` === `${words[i]}`) expect(logProb).toBeCloseTo(scores[i]!, 4)
        else expect(logProb).toBeGreaterThan(scores[i]! + 1e-4)
      }
    })
  })
