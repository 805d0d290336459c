import type { Progress } from '../progress.ts'
import { paint, type Stream } from './output.ts'
import { ProgressLine } from './progress.ts'

/** What a command says while it works, all of it on stderr: notes, warnings and one progress line at a time. */
export class Reporter {
  readonly #stream: Stream
  readonly #quiet: boolean
  #line: ProgressLine | undefined

  constructor(stream: Stream, { quiet = false } = {}) {
    this.#stream = stream
    this.#quiet = quiet
  }

  /** Starts a progress line, as in `features: 1,200 of 6,000 images (20%, 310/s, 15 s left)`. */
  progress(label: string, unit: string): Progress {
    this.finish()
    if (this.#quiet) return () => {}
    const line = new ProgressLine(this.#stream, label, unit)
    this.#line = line
    return (done, total) => line.update(done, total)
  }

  /** A line for whoever watches; `--quiet` leaves it out. */
  note(line: string): void {
    if (!this.#quiet) this.#write(line)
  }

  /** A line that must be seen, also with `--quiet`; it ends the progress line, since warnings come of what was done. */
  warn(line: string): void {
    this.finish()
    this.#write(`${paint(this.#stream, 'yellow', 'Warning:')} ${line}`)
  }

  /** Ends the progress line, if there is one. */
  finish(): void {
    this.#line?.finish()
    this.#line = undefined
  }

  #write(line: string): void {
    this.#line?.clear()
    this.#stream.write(`${line}\n`)
  }
}
