// The beats of a rank come from a thread of their own: scoring keeps the main thread busy for minutes, and whoever gave
// the rank those minutes would wait them for a rank that hangs.
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { STACK_BYTES } from '../ort-library.ts'
import type { Handle, MpiFunction, MpiLibrary } from './library.ts'

/** Milliseconds between two beats. */
export const BEAT_MS = 1000
/** If this process itself stood still for so long, as when the whole job was suspended, it gives the others time. */
export const STOOD_STILL_MS = 5000
/** The main thread may be silent for so much longer than the process: it builds graphs and draws weights. */
const SLACK_MS = 10_000
/** The tags of messages: a beat, and why a rank failed. */
export const [BEAT, FAILURE] = [0, 1]
/** A beat has the sender's rank, its collective calls, and for how long its main thread should have given a sign. */
export const BEAT_NUMBERS = 3

/** More than an MPI_Status has in any library. */
export const STATUS_BYTES = 64
/** An MPI_Request is an address or a 32-bit integer. */
const REQUEST_BYTES = 8

/** What the thread of beats is given. */
export interface BeatTask {
  readonly rank: number
  /** the ranks to tell */
  readonly to: readonly number[]
  /** their communicator, which nothing else uses, and the type of bytes */
  readonly world: Handle
  readonly byte: Handle
  /** what the main thread shares: its collective calls, its last sign of life, and how long it may give none */
  readonly shared: SharedArrayBuffer
  readonly beatMs: number
  readonly stoodStillMs: number
  readonly slackMs: number
  readonly statusBytes: number
  readonly requestBytes: number
}

/** The functions of MPI that the thread calls: none waits for another rank, except MPI_Wait at the end. */
export type BeatFunctions = Readonly<Record<(typeof FUNCTIONS)[number], (...args: unknown[]) => number>>
const FUNCTIONS = ['MPI_Isend', 'MPI_Test', 'MPI_Wait'] as const satisfies readonly MpiFunction[]

/** The main thread, as the thread sees it: it sends messages to other ranks, or undefined to stop. */
export interface BeatPort {
  on(event: 'message', listener: (message: { to: number; tag: number; bytes: Uint8Array } | undefined) => void): unknown
  close(): void
}

/**
 * What the thread does: it beats, and sends what the main thread asks for, until told to stop. A message to a rank that
 * hangs may never leave, as its queue may be full; whoever waits for it hangs too, so the next one is left out instead.
 * The thread gets this function as text, because it cannot load TypeScript: it may use nothing but its arguments.
 */
export function beat(mpi: BeatFunctions, port: BeatPort, task: BeatTask): void {
  const { rank, to, world, byte, shared, beatMs, stoodStillMs, slackMs, statusBytes, requestBytes } = task
  const [BEAT, CALLS, ALIVE_AT, BUSY_MS] = [0, 0, 1, 2]
  const numbers = new Float64Array(shared)
  /** the messages that may not have left yet; MPI reads their bytes until then */
  const sent = new Map<string, { readonly message: Uint8Array; readonly request: Uint8Array }>()
  const check = (status: number): void => {
    if (status !== 0) throw new Error(`MPI says error ${status}`)
  }
  const send = (bytes: Uint8Array, other: number, tag: number): void => {
    const key = `${tag} ${other}`
    const before = sent.get(key)
    if (before) {
      const left = new Int32Array(1)
      check(mpi.MPI_Test(before.request, left, new Uint8Array(statusBytes)))
      if (left[0] === 0) return
    }
    const message = bytes.slice()
    const request = new Uint8Array(requestBytes)
    check(mpi.MPI_Isend(message, message.length, byte, other, tag, world, request))
    sent.set(key, { message, request })
  }
  const now = (): number => Number(process.hrtime.bigint() / 1_000_000n)
  let last = now()
  const timer = setInterval(() => {
    const time = now()
    const stoodStill = time - last > stoodStillMs
    last = time
    if (stoodStill) return // so did the main thread, which has had no time to give a sign
    const overdue = Math.max(0, time - numbers[ALIVE_AT]! - numbers[BUSY_MS]! - beatMs - slackMs)
    const bytes = new Uint8Array(Float64Array.of(rank, numbers[CALLS]!, overdue).buffer)
    for (const other of to) send(bytes, other, BEAT!)
  }, beatMs)
  port.on('message', (message) => {
    if (message) return send(message.bytes, message.to, message.tag)
    clearInterval(timer)
    for (const { request } of sent.values()) check(mpi.MPI_Wait(request, new Uint8Array(statusBytes)))
    port.close()
  })
}

/** The places of the numbers that the main thread shares, as in beat(). */
const [CALLS, ALIVE_AT, BUSY_MS] = [0, 1, 2]
const SHARED_NUMBERS = 3

/** The program of the thread. Compilers that keep names call a helper `__name` inside of functions. */
const PROGRAM = `
const __name = (named) => named
const { parentPort, workerData } = require('node:worker_threads')
const koffi = require(workerData.koffi)
try {
  koffi.config(workerData.stacks)
} catch {} // another thread has set them
const library = koffi.load(workerData.library)
const functions = workerData.functions.map(([name, types]) => [name, library.func(name, 'int', types)])
;(${beat})(Object.fromEntries(functions), parentPort, workerData.task)
`

/** Tells other ranks each second that this one lives, and whether its main thread does. */
export class Beats {
  readonly #numbers: Float64Array
  readonly #worker: Worker
  readonly #ended: Promise<void>

  /** Beats from `rank` to the ranks `to` of the communicator `world`; `onError` is called if that fails. */
  constructor(
    library: MpiLibrary,
    { onError, ...who }: Pick<BeatTask, 'rank' | 'to' | 'world'> & { readonly onError: (error: Error) => void },
  ) {
    const shared = new SharedArrayBuffer(SHARED_NUMBERS * Float64Array.BYTES_PER_ELEMENT)
    this.#numbers = new Float64Array(shared)
    this.alive(0)
    const task: BeatTask = {
      ...who,
      byte: library.constants.byte,
      shared,
      beatMs: BEAT_MS,
      stoodStillMs: STOOD_STILL_MS,
      slackMs: SLACK_MS,
      statusBytes: STATUS_BYTES,
      requestBytes: REQUEST_BYTES,
    }
    this.#worker = new Worker(PROGRAM, {
      eval: true,
      workerData: {
        task,
        koffi: createRequire(import.meta.url).resolve('koffi'),
        stacks: { sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES },
        library: library.name,
        functions: FUNCTIONS.map((name) => [name, library.typesOf(name)]),
      },
    })
    this.#worker.unref()
    this.#worker.on('error', onError)
    this.#ended = new Promise((resolve) => void this.#worker.once('exit', resolve))
  }

  /** Notes how many collective calls this rank has made. */
  called(calls: number): void {
    this.#numbers[CALLS!] = calls
  }

  /** Notes that the main thread lives, and for how long it may now give no sign. */
  alive(busyMs: number): void {
    this.#numbers[BUSY_MS!] = busyMs
    this.#numbers[ALIVE_AT!] = Number(process.hrtime.bigint() / 1_000_000n)
  }

  /** Sends a message to a rank. */
  send(bytes: Uint8Array, to: number, tag: number): void {
    this.#worker.postMessage({ bytes, to, tag })
  }

  /** Ends the thread, once its last messages have left. */
  async stop(): Promise<void> {
    this.#worker.ref()
    this.#worker.postMessage(undefined)
    await this.#ended
  }
}
