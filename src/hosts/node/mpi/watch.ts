// Every rank tells rank 0 each second that it lives, and rank 0 tells the others: MPI alone waits for ever for a rank
// that hangs, and some launchers do not notice one that died. The messages have a communicator of their own.
import { RankError } from '../../../distributed/communicator.ts'
import { BEAT, BEAT_MS, BEAT_NUMBERS, Beats, FAILURE, STATUS_BYTES, STOOD_STILL_MS } from './beats.ts'
import type { Handle, MpiLibrary } from './library.ts'

/** A rank that is silent for so long is lost. */
const SILENT_MS = 15_000
/** A mistake of the user fails on every rank: rank 0 then has this long to say it in its own words. */
const GRACE_MS = 1000

/** The longest message of a rank that failed. */
const TEXT_BYTES = 2048

/** What a rank was last known to do. */
interface Known {
  /** when its main thread gave the last sign of life */
  aliveAt: number
  /** collective calls that it has made */
  calls: number
}

/** A collective call that this rank has made and that has not ended. */
interface Call {
  readonly number: number
  readonly madeAt: number
  readonly patienceMs: number
}

/** Watches whether the other ranks live. */
export class Watch {
  readonly #library: MpiLibrary
  readonly #world: Handle
  readonly #rank: number
  readonly #names: readonly string[]
  readonly #known: Known[]
  readonly #pending = new Set<Call>()
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #beats: Beats
  #calls = 0
  #checkedAt = performance.now()

  /** Watches the ranks of the communicator `world`, which nothing else uses; `names` are those of its ranks. */
  constructor(library: MpiLibrary, world: Handle, rank: number, names: readonly string[]) {
    this.#library = library
    this.#world = world
    this.#rank = rank
    this.#names = names
    const aliveAt = performance.now()
    this.#known = names.map(() => ({ aliveAt, calls: 0 }))
    this.#beats = new Beats(library, {
      world,
      rank,
      to: rank === 0 ? names.map((_, other) => other).slice(1) : [0],
      onError: (error) => this.#lose(`Cannot go on: ${names[rank]} cannot reach the others: ${error.message}`),
    })
    this.#timer = setInterval(() => this.#tick(), BEAT_MS)
    this.#timer.unref()
  }

  /** aborted with a RankError when a rank is lost */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Notes a collective call: the others should make it too, at most `patienceMs` later. Call the result at its end. */
  begin(patienceMs: number): () => void {
    const call = { number: ++this.#calls, madeAt: performance.now(), patienceMs }
    this.#pending.add(call)
    this.#beats.called(call.number)
    return () => this.#pending.delete(call)
  }

  /** Tells rank 0 that this rank failed. */
  fail(message: string): void {
    if (this.#rank === 0) return
    const text = Buffer.alloc(TEXT_BYTES)
    text.writeUInt32LE(this.#rank)
    text.write(message, 4, TEXT_BYTES - 5)
    this.#beats.send(text, 0, FAILURE)
  }

  /** Announces that the main thread may be at work for so long. */
  busy(ms: number): void {
    this.#beats.alive(ms)
  }

  /** Stops sending. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beats.stop()
  }

  /** Takes what the others have sent before they stopped. */
  drain(): void {
    const text = new Uint8Array(TEXT_BYTES)
    while (this.#received(new Float64Array(BEAT_NUMBERS), BEAT));
    while (this.#received(text, FAILURE));
  }

  #tick(): void {
    this.#beats.alive(0)
    this.#receive()
    const now = performance.now()
    if (now - this.#checkedAt > STOOD_STILL_MS) for (const known of this.#known) known.aliveAt = now
    this.#checkedAt = now
    this.#check(now)
  }

  #receive(): void {
    const beat = new Float64Array(BEAT_NUMBERS)
    while (this.#received(beat, BEAT)) {
      const [rank, calls, overdueMs] = beat as unknown as [number, number, number]
      this.#known[rank] = { aliveAt: performance.now() - overdueMs, calls }
    }
    const failure = Buffer.alloc(TEXT_BYTES)
    while (this.#received(failure, FAILURE)) {
      const rank = failure.readUInt32LE()
      const message = failure.toString('utf8', 4).replaceAll('\0', '')
      setTimeout(() => this.#lose(`Cannot go on: ${this.#names[rank]} failed: ${message}`), GRACE_MS).unref()
    }
  }

  /** Rank 0 checks the others, and they check rank 0. */
  #check(now: number): void {
    const oldest = [...this.#pending].reduce<Call | undefined>(
      (first, call) => (first && first.number < call.number ? first : call),
      undefined,
    )
    for (const [rank, { aliveAt, calls }] of this.#known.entries()) {
      if (rank === this.#rank || (this.#rank > 0 && rank > 0)) continue
      const name = this.#names[rank]!
      if (now - aliveAt > SILENT_MS)
        this.#lose(
          `Cannot go on: ${name} has given no sign of life for ${seconds(now - aliveAt)}; it hangs, or its machine or ` +
            'network is down',
        )
      else if (oldest && calls < oldest.number && now - oldest.madeAt > oldest.patienceMs)
        this.#lose(
          `Cannot go on: ${name} is not ready after ${seconds(now - oldest.madeAt)}, for which the others have waited; ` +
            'it hangs, perhaps on its disk',
        )
    }
  }

  #lose(message: string): void {
    if (!this.#lost.signal.aborted) this.#lost.abort(new RankError(message))
  }

  /** Receives a message if there is one. */
  #received(into: Float64Array | Uint8Array, tag: number): boolean {
    const { byte, anySource } = this.#library.constants
    const found = new Int32Array(1)
    const status = new Uint8Array(STATUS_BYTES)
    this.#library.call('MPI_Iprobe', anySource, tag, this.#world, found, status)
    if (found[0] === 0) return false
    this.#library.call('MPI_Recv', into, into.byteLength, byte, anySource, tag, this.#world, status)
    return true
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
