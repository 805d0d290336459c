import type { Progress } from '../progress.ts'
import { paint, printable, type Stream } from './output.ts'
import { ProgressLine } from './progress.ts'

/** Reports on a running command, on stderr: notes, warnings, and one progress line at a time. */
export class Reporter {
  readonly #stream: Stream
  readonly #quiet: boolean
  #line: ProgressLine | undefined

  /** `quiet` leaves out everything but warnings. */
  constructor(stream: Stream, { quiet = false } = {}) {
    this.#stream = stream
    this.#quiet = quiet
  }

  /** Starts a progress line, such as `Features: 1,200 of 6,000 images (20%, 310/s, 15 s left)`; ends the last one. */
  progress(label: string, unit: string): Progress {
    this.finish()
    if (this.#quiet) return () => {}
    const line = new ProgressLine(this.#stream, label, unit)
    this.#line = line
    return (done, total) => line.update(done, total)
  }

  /** Prints a line; not with --quiet. */
  note(line: string): void {
    if (!this.#quiet) this.#write(line)
  }

  /** Prints a warning, with --quiet too, and ends the progress line: warnings are about finished work. */
  warn(line: string): void {
    this.finish()
    this.#write(line, `${paint(this.#stream, 'yellow', 'Warning:')} `)
  }

  /** Ends the progress line, if there is one. */
  finish(): void {
    this.#line?.finish()
    this.#line = undefined
  }

  #write(line: string, label = ''): void {
    this.#line?.clear()
    this.#stream.write(`${label}${printable(line)}\n`)
  }
}
