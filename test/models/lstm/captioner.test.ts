import { describe, test } from 'vitest'
import { floats, ints } from '../../../src/formats/host-value.ts'
import { LstmCaptioner } from '../../../src/models/lstm/captioner.ts'
import { packCaptions } from '../../../src/train/pack-captions.ts'
import { predict } from '../../../src/train/step.ts'
import { expectOutputs, layerCase, TINY } from '../../fixtures/layers.ts'

// the places of dropout: the golden values of whole captioners are without it
describe('scores words as PyTorch does, without dropout and with its masks', () => {
  for (const basicModel of ['VisualAttention', 'VisualCondition'] as const)
    test(basicModel, async () => {
      const { features, concepts, captions, lengths } = layerCase(basicModel).inputs
      const [rows, width] = captions!.shape as [number, number]
      const words = lengths!.data.map((length, i) => captions!.data.slice(i * width + 1, i * width + length))
      const steps = width - 1
      const packed = packCaptions(words, steps, 1)
      const [, regions] = features!.shape as [number, number, number]
      await expectOutputs(
        basicModel,
        (noise) => {
          const model = new LstmCaptioner({
            ...TINY,
            basicModel,
            mia: true,
            miaAttention: 'mutual',
            miaForm: 'code',
            conceptConfidences: false,
            regions,
            paddedRegions: false,
            concepts: regions,
            dropout: 0.5,
            miaDropout: 0.1,
          })
          const { hidden } = predict(model, { captions: 1, steps, featureType: 'float32' }, noise)
          return { scores: model.output.logits(hidden) }
        },
        {
          features: floats(features!.shape, Float32Array.from(features!.data)),
          concepts: ints(Int32Array.from(concepts!.data), concepts!.shape),
          words: ints(packed.inputs, [steps, rows]),
          targets: ints(packed.targets),
          positions: ints(packed.positions),
        },
      )
    })
})
