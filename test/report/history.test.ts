import { expect, test } from 'vitest'
import { historyOf } from '../../src/report/history.ts'
import { resultsCsv } from '../../src/report/results-csv.ts'

const entries = [
  { kind: 'step', step: 25, epoch: 1, loss: 4, learningRate: 0.1, time: '2026-11-26T08:00:00.000Z' },
  { kind: 'epoch', step: 40, epoch: 1, loss: 5, scores: { Bleu_4: 0.1, CIDEr: 0.2 }, best: true, seconds: 9 },
  { kind: 'step', step: 50, epoch: 2, loss: 3, learningRate: 0.05, gradientNorm: null },
  { kind: 'epoch', step: 80, epoch: 2, loss: null, scores: { CIDEr: 0.1 }, best: true, seconds: 8 },
  { kind: 'epoch', step: 80, epoch: 2, loss: null, scores: { CIDEr: 0.1 }, best: false, seconds: 8 },
]

test('historyOf() has each epoch once, as it was logged last, and steps in fractions of epochs', () => {
  const { epochs, steps } = historyOf(entries)
  expect(epochs.map(({ epoch, loss, best, learningRate }) => ({ epoch, loss, best, learningRate }))).toEqual([
    { epoch: 1, loss: 5, best: true, learningRate: 0.1 },
    { epoch: 2, loss: undefined, best: false, learningRate: 0.05 },
  ])
  expect(steps).toEqual([
    { epoch: 0.625, values: { loss: 4, learningRate: 0.1 } },
    { epoch: 1.25, values: { loss: 3, learningRate: 0.05 } },
  ])
})

test('resultsCsv() has a row for each epoch; what is not known is empty', () => {
  expect(resultsCsv(historyOf(entries).epochs)).toBe(
    'epoch,step,time,loss,learning_rate,Bleu_4,CIDEr,best,seconds\r\n' +
      '1,40,,5,0.1,0.1,0.2,1,9\r\n' +
      '2,80,,,0.05,,0.1,0,8\r\n',
  )
})
