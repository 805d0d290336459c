import { thousands } from '../wording.ts'
import type { Stream } from './output.ts'

const REDRAW_MS = 100
const LINE_EVERY_MS = 10_000
/** The rate is an average over the last half minute: other programs may have started since. */
const RATE_WINDOW_MS = 30_000
const MARK_EVERY_MS = 500
const BAR_CELLS = 24
const MIN_BAR_CELLS = 4
const CLEAR_LINE = '\r\x1b[2K'

/**
 * The progress of a slow command, with its rate and the time left: on a terminal a bar that is redrawn, elsewhere a
 * plain line every ten seconds.
 */
export class ProgressLine {
  readonly #stream: Stream
  readonly #label: string
  readonly #unit: string
  readonly #clock: () => number
  readonly #startedAt: number
  #marks: { at: number; done: number }[] = []
  #done = 0
  #total = 0
  #drawnAt: number

  /** `clock` returns milliseconds. */
  constructor(stream: Stream, label: string, unit: string, clock: () => number = () => performance.now()) {
    this.#stream = stream
    this.#label = label
    this.#unit = unit
    this.#clock = clock
    this.#startedAt = clock()
    this.#drawnAt = stream.isTTY ? Number.NEGATIVE_INFINITY : this.#startedAt
  }

  /** Shows that `done` of `total` units are done. */
  update(done: number, total: number): void {
    const now = this.#clock()
    this.#done = done
    this.#total = total
    this.#mark(now, done)
    if (now - this.#drawnAt < (this.#stream.isTTY ? REDRAW_MS : LINE_EVERY_MS)) return
    this.#drawnAt = now
    this.#stream.write(this.#stream.isTTY ? CLEAR_LINE + this.#bar() : `${this.#line()}\n`)
  }

  /** Removes the bar from the terminal; the next update draws it again. */
  clear(): void {
    if (!this.#stream.isTTY) return
    this.#stream.write(CLEAR_LINE)
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }

  /** Ends the progress with a line that says how much was done, and in what time. */
  finish(): void {
    this.clear()
    if (this.#total === 0) return
    const seconds = (this.#clock() - this.#startedAt) / 1000
    const done = `${thousands(this.#done)} of ${thousands(this.#total)} ${this.#unit}`
    this.#stream.write(`${this.#label}: ${done}, ${duration(seconds)}\n`)
  }

  #mark(at: number, done: number): void {
    const last = this.#marks.at(-1)
    if (last && done < last.done) this.#marks = []
    if (last && at - last.at < MARK_EVERY_MS) return
    this.#marks.push({ at, done })
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > RATE_WINDOW_MS) this.#marks.shift()
  }

  #rate(): { perSecond: number; secondsLeft: number } | undefined {
    const first = this.#marks[0]
    const last = this.#marks.at(-1)
    if (!first || !last || last.done === first.done) return undefined
    const perSecond = ((last.done - first.done) / (last.at - first.at)) * 1000
    return { perSecond, secondsLeft: (this.#total - this.#done) / perSecond }
  }

  /** The line with a bar as wide as the terminal allows: a line that wraps could not be redrawn. */
  #bar(): string {
    const numbers = this.#numbers()
    const width = (this.#stream.columns ?? 80) - 1
    const cells = Math.min(BAR_CELLS, width - this.#label.length - numbers.length - 2)
    const filled = Math.round(this.#fraction() * Math.max(0, cells))
    const bar = cells < MIN_BAR_CELLS ? '' : `${'━'.repeat(filled)}${'─'.repeat(cells - filled)} `
    return `${this.#label} ${bar}${numbers}`.slice(0, width)
  }

  #line(): string {
    return `${this.#label}: ${this.#numbers()}`
  }

  #numbers(): string {
    const rate = this.#rate()
    const speed = rate ? `, ${significant(rate.perSecond)}/s, ${duration(rate.secondsLeft)} left` : ''
    const percent = `${Math.floor(this.#fraction() * 100)}%`
    return `${thousands(this.#done)} of ${thousands(this.#total)} ${this.#unit} (${percent}${speed})`
  }

  #fraction(): number {
    return this.#total > 0 ? Math.min(1, this.#done / this.#total) : 0
  }
}

/** Formats a duration in seconds: `8 s`, `2:05`, `1:02:05`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const fields = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  if (fields[0] === 0) fields.shift()
  return fields.map((field, i) => (i === 0 ? `${field}` : `${field}`.padStart(2, '0'))).join(':')
}

const significant = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 })
