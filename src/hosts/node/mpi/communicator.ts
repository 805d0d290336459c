import { hostname } from 'node:os'
import type { Communicator, LocalRank, Waiting } from '../../../distributed/communicator.ts'
import { gatherJson } from '../../../distributed/messages.ts'
import { UserError } from '../../../errors.ts'
import { counted, firstFew } from '../../../wording.ts'
import { type Launch, requireLauncher } from './launch.ts'
import { type Handle, MpiLibrary } from './library.ts'
import { Watch } from './watch.ts'

/** MPI_THREAD_MULTIPLE: any thread may call at any time. */
const THREADS = 3
/** Seconds that ranks wait for each other if a call does not say. */
const PATIENCE = 600
/** Counts of MPI are 32-bit integers; parts of this size stay far below. */
const MOST_AT_ONCE = 2 ** 28

/** The ranks of an MPI job. Collective calls run on another thread, one after the other. */
export class MpiCommunicator implements Communicator {
  readonly rank: number
  readonly size: number
  readonly #library: MpiLibrary
  readonly #world: Handle
  #names: readonly string[] = []
  #description = ''
  #local: LocalRank = { rank: 0, size: 1 }
  #watch: Watch | undefined
  /** how to reject each collective call that has not ended */
  readonly #waiting = new Set<(reason: unknown) => void>()

  private constructor(library: MpiLibrary, rank: number, size: number) {
    this.#library = library
    this.#world = library.constants.world
    this.rank = rank
    this.size = size
  }

  /**
   * Joins the ranks that the launcher started. Throws UserError if the launcher cannot be reached, if no MPI library
   * can be loaded, if it is not the launcher's, or if it does not allow calls from several threads.
   */
  static async join({ size: launched, libraries }: Launch): Promise<MpiCommunicator> {
    requireLauncher(process.env)
    const library = MpiLibrary.load(libraries)
    const { version } = library
    const provided = new Int32Array(1)
    library.call('MPI_Init_thread', null, null, THREADS, provided)
    const [rank, size] = (['MPI_Comm_rank', 'MPI_Comm_size'] as const).map((name) => {
      const result = new Int32Array(1)
      library.call(name, library.constants.world, result)
      return result[0]!
    }) as [number, number]
    if (launched !== undefined && launched !== size)
      throw new UserError(
        `Cannot join the ${counted(launched, 'rank')} that were launched: ${version} sees ${size}; it is not the ` +
          'library of the mpirun that launched them; name the right one in MIA_MPI, as in MIA_MPI=/opt/openmpi/lib/libmpi.so',
      )
    if (provided[0]! < THREADS)
      throw new UserError(
        `Cannot use ${version}: it was built without MPI_THREAD_MULTIPLE, which watching the ranks needs; name another ` +
          'library in MIA_MPI',
      )
    library.call('MPI_Comm_set_errhandler', library.constants.world, library.constants.errorsReturn)
    const ranks = new MpiCommunicator(library, rank, size)
    await ranks.#meet(version)
    return ranks
  }

  get local(): LocalRank {
    return this.#local
  }

  get description(): string {
    return this.#description
  }

  get lost(): AbortSignal {
    return this.#watch!.lost
  }

  async sum(data: Float32Array, waiting?: Waiting): Promise<void> {
    const { float, sum, inPlace } = this.#library.constants
    await this.#together(waiting, async () => {
      for (let start = 0; start < data.length; start += MOST_AT_ONCE) {
        const part = data.subarray(start, start + MOST_AT_ONCE)
        await this.#library.callAsync('MPI_Allreduce', inPlace, part, part.length, float, sum, this.#world)
      }
    })
  }

  async broadcast(data: Uint8Array, waiting?: Waiting): Promise<void> {
    const { byte } = this.#library.constants
    await this.#together(waiting, async () => {
      for (let start = 0; start < data.length; start += MOST_AT_ONCE) {
        const part = data.subarray(start, start + MOST_AT_ONCE)
        await this.#library.callAsync('MPI_Bcast', part, part.length, byte, 0, this.#world)
      }
    })
  }

  async gather(data: Uint8Array, waiting?: Waiting): Promise<readonly Uint8Array[]> {
    return this.#together(waiting, () => this.#gather(data))
  }

  async exchange(data: Uint8Array, into: Uint8Array, waiting?: Waiting): Promise<void> {
    const { byte } = this.#library.constants
    const part = data.length / this.size
    await this.#together(waiting, () =>
      this.#library.callAsync('MPI_Alltoall', data, part, byte, into, part, byte, this.#world),
    )
  }

  busy(seconds: number): void {
    this.#watch?.busy(1000 * seconds)
  }

  /** Tells rank 0 that this rank failed: the others end too. */
  fail(message: string): void {
    this.#watch?.fail(message)
  }

  /** Leaves the ranks, once all of them do. Throws RankError if one does not. */
  async leave(): Promise<void> {
    await this.gather(new Uint8Array())
    await this.#watch?.stop()
    await this.#gather(new Uint8Array()) // now no rank sends any more
    this.#watch?.drain()
    await this.#library.callAsync('MPI_Finalize')
  }

  /** Ends the processes of all ranks at once, this one included. */
  abort(status: number): void {
    this.#library.call('MPI_Abort', this.#world, status)
  }

  /** Learns where the other ranks run, and begins to watch them. */
  async #meet(version: string): Promise<void> {
    const places = await gatherJson(this, { host: hostname(), pid: process.pid })
    this.#names = places.map(({ host, pid }, rank) => `rank ${rank} of ${this.size} (process ${pid} on ${host})`)
    const neighbours = places.flatMap(({ host }, rank) => (host === places[this.rank]!.host ? [rank] : []))
    this.#local = { rank: neighbours.indexOf(this.rank), size: neighbours.length }
    const shown = places.map(({ host, pid }, rank) => `rank ${rank} is process ${pid} on ${host}`)
    this.#description = `${counted(this.size, 'rank')} by ${version}: ${firstFew(shown, RANKS_SHOWN)}`
    const own = new Uint8Array(HANDLE_BYTES)
    this.#library.call('MPI_Comm_dup', this.#world, own)
    const view = new DataView(own.buffer)
    const world = this.#library.constants.kind === 'MPICH' ? view.getInt32(0, true) : view.getBigUint64(0, true)
    this.#watch = new Watch(this.#library, world, this.rank, this.#names)
    const { lost } = this.#watch
    lost.addEventListener('abort', () => {
      for (const reject of this.#waiting) reject(lost.reason)
    })
  }

  async #gather(data: Uint8Array): Promise<readonly Uint8Array[]> {
    const { byte, int } = this.#library.constants
    const lengths = new Int32Array(this.size)
    await this.#library.callAsync('MPI_Allgather', Int32Array.of(data.length), 1, int, lengths, 1, int, this.#world)
    const starts = new Int32Array(this.size)
    for (let rank = 1; rank < this.size; rank++) starts[rank] = starts[rank - 1]! + lengths[rank - 1]!
    const all = new Uint8Array(starts.at(-1)! + lengths.at(-1)!)
    if (all.length > 0)
      await this.#library.callAsync('MPI_Allgatherv', data, data.length, byte, all, lengths, starts, byte, this.#world)
    return Array.from(lengths, (length, rank) => all.subarray(starts[rank], starts[rank]! + length))
  }

  /** Makes a collective call. Rejects as soon as a rank is lost: the call itself may then never end. */
  async #together<T>({ patience = PATIENCE }: Waiting = {}, call: () => Promise<T>): Promise<T> {
    const watch = this.#watch
    if (!watch) return call()
    watch.lost.throwIfAborted()
    const end = watch.begin(1000 * patience)
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      call()
        .finally(() => {
          end()
          this.#waiting.delete(reject)
        })
        .then(resolve, reject)
    })
  }
}

/** Ranks that the log names. */
const RANKS_SHOWN = 8
/** A handle is an address or a 32-bit integer. */
const HANDLE_BYTES = 8
