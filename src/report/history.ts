import type { JournalEntry } from '../disk/journal.ts'
import type { Measurement, RunEpoch } from '../pages/run-page.ts'

/** A finished epoch in the log, with what is written into results.csv. */
export interface EpochRecord extends RunEpoch {
  /** optimizer steps so far */
  readonly step: number
  /** the learning rate of the last step that was logged in it; undefined if none was */
  readonly learningRate: number | undefined
  /** when it ended; undefined in logs of version 0.1.0 */
  readonly time: string | undefined
}

/** A run's log: its epochs, each once and in order, and the measurements of single steps. */
export interface History {
  readonly epochs: readonly EpochRecord[]
  readonly steps: readonly Measurement[]
}

/** Fields of an entry that are no measurements. */
const NOT_MEASURED: ReadonlySet<string> = new Set(['kind', 'step', 'epoch', 'time'])

/** The history in a log. An epoch that is there twice counts as it was logged last. */
export function historyOf(entries: readonly JournalEntry[]): History {
  const rates = new Map<number, number>()
  const epochs = new Map<number, EpochRecord>()
  const logged: { step: number; values: Record<string, number> }[] = []
  for (const entry of entries) {
    const { kind, step } = entry
    const epoch = Number(entry.epoch)
    if (kind === 'step') {
      logged.push({ step, values: measurementsOf(entry) })
      if (typeof entry.learningRate === 'number') rates.set(epoch, entry.learningRate)
    } else if (kind === 'epoch' && Number.isInteger(epoch)) {
      epochs.set(epoch, {
        epoch,
        step,
        time: typeof entry.time === 'string' ? entry.time : undefined,
        loss: finite(entry.loss),
        learningRate: rates.get(epoch),
        scores: measurementsOf(entry.scores),
        best: entry.best === true,
        seconds: finite(entry.seconds),
      })
    }
  }
  const ordered = [...epochs.values()].sort((a, b) => a.epoch - b.epoch)
  const last = ordered.at(-1)
  const perEpoch = last ? last.step / last.epoch : (logged.at(-1)?.step ?? 1)
  return { epochs: ordered, steps: logged.map(({ step, values }) => ({ epoch: step / perEpoch, values })) }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const finite = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** The finite numbers among the fields of a logged step or epoch, or among the scores of an epoch. */
export function measurementsOf(fields: unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(isRecord(fields) ? fields : {}).flatMap(([name, value]) => {
      const number = NOT_MEASURED.has(name) ? undefined : finite(value)
      return number === undefined ? [] : [[name, number]]
    }),
  )
}
