import { describe, test } from 'vitest'
import { Mia, type MiaConfig } from '../../src/models/mia.ts'
import { expectCase, TINY } from '../fixtures/layers.ts'

const CASES: Readonly<Record<string, Partial<MiaConfig>>> = {
  mia: {},
  'mia.figure': { miaForm: 'figure' },
  'mia.self': { miaAttention: 'self' },
  'mia.fewConcepts': {},
  'mia.fewRegions': {},
}

describe('computes what PyTorch computes', () => {
  for (const [name, choice] of Object.entries(CASES))
    test(name, () =>
      expectCase(name, (scope, { regions, concepts }, noise) => {
        const config = { ...TINY, dropout: 0.1, miaAttention: 'mutual', miaForm: 'code', ...choice } as const
        const { visual, textual, sgir } = new Mia(scope.at('encoder').at('mia'), config).forward(
          regions!,
          concepts!,
          noise,
        )
        return { visual, textual, sgir }
      }),
    )
})
