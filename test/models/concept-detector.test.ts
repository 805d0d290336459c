import { test } from 'vitest'
import { gradients } from '../../src/graph/index.ts'
import { ConceptDetector } from '../../src/models/concept-detector.ts'
import { expectCase, TINY } from '../fixtures/layers.ts'

test('the noisy-OR of a padded batch, its loss and gradients are those that PyTorch computes from the definition', () =>
  expectCase('conceptDetector', (_, { features, labels }, noise) => {
    const { featureSize, vocabularySize: words } = TINY
    const detector = new ConceptDetector({
      featureSize,
      regions: 3,
      paddedRegions: true,
      vocabularySize: words,
      dropout: 0.5,
    })
    const loss = detector.loss(features!, labels!, noise)
    const parameters = [...detector.parameters.values()]
    const each = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    )
    return {
      loss,
      ...Object.fromEntries(parameters.map(({ name }, i) => [`grad.${name}`, each[i]!])),
      // dropout is for training alone
      ...(noise ? {} : { probabilities: detector.probabilities(features!) }),
    }
  }))
