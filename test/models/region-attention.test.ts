import { describe, test } from 'vitest'
import { RegionAttention } from '../../src/models/region-attention.ts'
import { expectCase, TINY } from '../fixtures/layers.ts'

describe('computes what PyTorch computes', () => {
  for (const name of ['regionAttention', 'regionAttention.masked'])
    test(name, () =>
      expectCase(name, (scope, { hidden, regions, mask }, noise) => {
        const { hiddenSize, attentionSize } = TINY
        const attention = new RegionAttention(scope.at('decoder').at('attention'), hiddenSize, attentionSize, {
          rate: 0.5,
          bias: false,
        })
        return attention.forward(hidden!, regions!, attention.keys(regions!, noise), noise, mask)
      }),
    )
})
