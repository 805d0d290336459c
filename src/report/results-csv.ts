import type { EpochRecord } from './history.ts'

/**
 * The epochs of a run as CSV (RFC 4180) with a header: epoch, step, time (ISO 8601), loss, learning_rate, each score by
 * its name, best (1 if its weights were the best so far, else 0), seconds. A number that is not known is empty.
 */
export function resultsCsv(epochs: readonly EpochRecord[]): string {
  const names = [...new Set(epochs.flatMap(({ scores }) => Object.keys(scores)))]
  const header = ['epoch', 'step', 'time', 'loss', 'learning_rate', ...names, 'best', 'seconds']
  const rows = epochs.map(({ epoch, step, time, loss, learningRate, scores, best, seconds }) => [
    epoch,
    step,
    time,
    loss,
    learningRate,
    ...names.map((name) => scores[name]),
    best ? 1 : 0,
    seconds,
  ])
  return [header, ...rows].map((row) => `${row.map((cell) => cell ?? '').join(',')}\r\n`).join('')
}
