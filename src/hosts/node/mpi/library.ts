import { UserError } from '../../../errors.ts'
import { AsyncCalls, type EndOfCall } from '../async-calls.ts'
import { cLibrary, type Koffi, koffi } from '../ort-library.ts'
import type { MpiKind } from './launch.ts'

type Library = ReturnType<Koffi['load']>
/** An MPI handle: an address in Open MPI, an integer in MPICH. */
export type Handle = bigint | number
type Argument = Handle | null | NodeJS.TypedArray
type Call = ((...args: Argument[]) => number) & { async: (...args: unknown[]) => void }

/**
 * The functions that are called, with the types of their arguments: `m` memory, `p` an address, `i` an integer, `h` a
 * handle.
 */
const SIGNATURES = {
  MPI_Abort: 'hi',
  MPI_Allgather: 'mihmihh',
  MPI_Allgatherv: 'mihmmmhh',
  MPI_Allreduce: 'pmihhh',
  MPI_Alltoall: 'mihmihh',
  MPI_Bcast: 'mihih',
  MPI_Comm_dup: 'hm',
  MPI_Comm_rank: 'hm',
  MPI_Comm_set_errhandler: 'hh',
  MPI_Comm_size: 'hm',
  MPI_Error_string: 'imm',
  MPI_Finalize: '',
  MPI_Get_library_version: 'mm',
  MPI_Init_thread: 'mmim',
  MPI_Iprobe: 'iihmm',
  MPI_Isend: 'mihiihm',
  MPI_Recv: 'mihiihm',
  MPI_Test: 'mmm',
  MPI_Wait: 'mm',
} as const
/** A function of MPI. */
export type MpiFunction = keyof typeof SIGNATURES

/** What the headers of a library define: mpi.h of Open MPI 4 and 5, and of MPICH 3 and 4, whose ABI others share. */
export interface MpiConstants {
  readonly kind: MpiKind
  readonly world: Handle
  readonly byte: Handle
  readonly int: Handle
  readonly float: Handle
  readonly sum: Handle
  readonly errorsReturn: Handle
  /** an address: the buffer of a reduction is read and written in place */
  readonly inPlace: bigint
  readonly anySource: number
}

const MPICH_CONSTANTS: MpiConstants = {
  kind: 'MPICH',
  world: 0x44000000,
  byte: 0x4c00010d,
  int: 0x4c000405,
  float: 0x4c00040a,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: 0xffff_ffff_ffff_ffffn,
  anySource: -2,
}

function openMpiConstants(library: Library): MpiConstants {
  const handle = (name: string): bigint => BigInt(koffi().address(library.symbol(name)))
  return {
    kind: 'Open MPI',
    world: handle('ompi_mpi_comm_world'),
    byte: handle('ompi_mpi_byte'),
    int: handle('ompi_mpi_int'),
    float: handle('ompi_mpi_float'),
    sum: handle('ompi_mpi_op_sum'),
    errorsReturn: handle('ompi_mpi_errors_return'),
    inPlace: 1n,
    anySource: -1,
  }
}

/** Keeps what calls in progress use: see AsyncCalls. One collective at a time, so that ranks call them in one order. */
const COLLECTIVES_AT_ONCE = 1
/** The longest text that MPI returns, in bytes: MPI_MAX_LIBRARY_VERSION_STRING of MPICH. */
const TEXT_BYTES = 8192

/**
 * Settings of UCX, which MPICH and some builds of Open MPI send by; those of the user come first. Its hooks of memory
 * calls corrupted Node's heap in about one of 30 jobs, and its handler of signals then hung in malloc instead of ending
 * the process; without them 100 of 100 jobs ended well (MPICH 4.0.2).
 */
const UCX = [
  ['UCX_MEM_EVENTS', 'no'],
  ['UCX_HANDLE_ERRORS', 'none'],
] as const

/** An MPI library. */
export class MpiLibrary {
  /** the name of the file that was loaded */
  readonly name: string
  readonly constants: MpiConstants
  readonly #handle: 'int' | 'uint64_t'
  readonly #functions: Readonly<Record<MpiFunction, Call>>
  readonly #library: Library
  readonly #calls = new AsyncCalls(COLLECTIVES_AT_ONCE)

  private constructor(name: string, library: Library) {
    this.name = name
    this.#library = library
    this.constants = hasSymbol(library, 'ompi_mpi_comm_world') ? openMpiConstants(library) : MPICH_CONSTANTS
    this.#handle = this.constants.kind === 'MPICH' ? 'int' : 'uint64_t'
    const names = Object.keys(SIGNATURES) as MpiFunction[]
    this.#functions = Object.fromEntries(
      names.map((name) => [name, library.func(name, 'int', this.typesOf(name))]),
    ) as unknown as Record<MpiFunction, Call>
  }

  /** The types of a function's arguments, for koffi. */
  typesOf(name: MpiFunction): string[] {
    const types = { m: 'void *', p: 'uint64_t', i: 'int', h: this.#handle } as const
    return Array.from(SIGNATURES[name], (type) => types[type as keyof typeof types])
  }

  /** Loads the first library of `names` that the system has. Throws UserError if it has none. */
  static load(names: readonly string[]): MpiLibrary {
    for (const [variable, value] of UCX) cLibrary().setVariable(variable, value)
    const failures: string[] = []
    for (const name of names)
      try {
        return new MpiLibrary(name, koffi().load(name))
      } catch (error) {
        failures.push((error as Error).message.split('\n', 1)[0]!)
      }
    throw new UserError(
      `Cannot join the ranks that MPI launched: no MPI library can be loaded (${failures[0]}); install the one whose ` +
        `mpirun launched this process, or name its file in MIA_MPI, as in MIA_MPI=/opt/openmpi/lib/libmpi.so`,
    )
  }

  /** The library's own name and version, as in "Open MPI 4.1.4" or "MPICH 4.0.2". */
  get version(): string {
    const text = new Uint8Array(TEXT_BYTES)
    const length = new Int32Array(1)
    this.call('MPI_Get_library_version', text, length)
    const said = new TextDecoder().decode(text.subarray(0, length[0])).replaceAll('\0', '')
    const open = /Open MPI v?([\w.]+)/.exec(said)
    const mpich = /^(.*?) Version:\s*([\w.]+)/.exec(said)
    return open ? `Open MPI ${open[1]}` : mpich ? `${mpich[1]} ${mpich[2]}` : said.split('\n', 1)[0]!
  }

  /** Calls a function on this thread. Throws Error with MPI's message if it fails. */
  call(name: MpiFunction, ...args: Argument[]): void {
    this.#check(name, this.#functions[name](...args))
  }

  /** Like call(), on another thread, after the calls before it; the arguments are kept until it has ended. */
  async callAsync(name: MpiFunction, ...args: Argument[]): Promise<void> {
    const start = (end: EndOfCall) => this.#functions[name].async(...args, end)
    this.#check(name, Number(await this.#calls.run(start, [args, this.#library])))
  }

  #check(name: string, status: number): void {
    if (status === 0) return
    const text = new Uint8Array(TEXT_BYTES)
    const length = new Int32Array(1)
    this.#functions.MPI_Error_string(status, text, length)
    throw new Error(`${name} failed: ${new TextDecoder().decode(text.subarray(0, length[0])).replaceAll('\0', '')}`)
  }
}

function hasSymbol(library: Library, name: string): boolean {
  try {
    library.symbol(name)
    return true
  } catch {
    return false
  }
}
