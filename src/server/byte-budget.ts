import { Failure } from './failure.ts'

/** Bounds the bytes of bodies that a server holds at a time, so that many large or slow requests cannot fill memory. */
export class ByteBudget {
  readonly #most: number
  #held = 0

  /** At most `most` bytes. */
  constructor(most: number) {
    this.#most = most
  }

  /** The bytes held now. */
  get held(): number {
    return this.#held
  }

  /** A lease that holds nothing yet. */
  lease(): ByteLease {
    let mine = 0
    return {
      add: (bytes) => {
        if (this.#held + bytes > this.#most)
          throw new Failure(503, 'Too many bodies are being received; try again later')
        this.#held += bytes
        mine += bytes
      },
      end: () => {
        this.#held -= mine
        mine = 0
      },
    }
  }
}

/** The bytes of one request. */
export interface ByteLease {
  /** Holds more bytes. Throws Failure (503) if all requests together would hold too many. */
  add(bytes: number): void
  /** Gives the bytes back. */
  end(): void
}
