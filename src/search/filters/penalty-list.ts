import type { Penalties } from '../stepper.ts'

/** Penalties as the filters add them up; those for the same word of a row are summed. */
export class PenaltyList {
  readonly #rows: number[] = []
  readonly #words: number[] = []
  readonly #values: number[] = []

  /** Adds `value` to the log-probability of a word in a row; -Infinity forbids it. */
  add(row: number, word: number, value: number): void {
    this.#rows.push(row)
    this.#words.push(word)
    this.#values.push(value)
  }

  /** The penalties as a stepper takes them. */
  get arrays(): Penalties {
    return {
      rows: Int32Array.from(this.#rows),
      words: Int32Array.from(this.#words),
      values: Float32Array.from(this.#values),
    }
  }
}
