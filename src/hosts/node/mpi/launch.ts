import { fstatSync } from 'node:fs'
import { UserError } from '../../../errors.ts'

/** The MPI libraries that are supported; Intel MPI and Cray MPICH have the interface of MPICH. */
export type MpiKind = 'Open MPI' | 'MPICH'

/** How this process was launched as one of several ranks. */
export interface Launch {
  /** how many ranks the launcher started, if it says so */
  readonly size: number | undefined
  /** the libraries that may belong to the launcher, the likeliest first: file names and their kinds */
  readonly libraries: readonly string[]
}

const OPEN_MPI = ['libmpi.so.40', 'libmpi.40.dylib', 'libmpi.dylib']
const MPICH = ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib', 'libmpich.so']

/**
 * How this process was launched by MPI, from its environment; undefined if it was not. Open MPI's mpirun sets
 * OMPI_COMM_WORLD_SIZE, Hydra (MPICH, Intel MPI) and `srun --mpi=pmi2` PMI_SIZE, `srun --mpi=pmix` PMIX_RANK.
 * `MIA_MPI` names the library to load instead of the usual one.
 */
export function launchOf(environment: Readonly<Record<string, string | undefined>>): Launch | undefined {
  const { OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMI_RANK, PMIX_RANK, SLURM_NTASKS, MIA_MPI } = environment
  const own = MIA_MPI ? [MIA_MPI] : undefined
  if (OMPI_COMM_WORLD_SIZE !== undefined)
    return { size: sizeIn(OMPI_COMM_WORLD_SIZE), libraries: own ?? [...OPEN_MPI, 'libmpi.so'] }
  if (PMI_SIZE !== undefined || PMI_RANK !== undefined)
    return { size: sizeIn(PMI_SIZE ?? SLURM_NTASKS), libraries: own ?? [...MPICH, ...OPEN_MPI, 'libmpi.so'] }
  if (PMIX_RANK !== undefined)
    return { size: sizeIn(SLURM_NTASKS), libraries: own ?? [...OPEN_MPI, 'libmpi.so', ...MPICH] }
  return undefined
}

/**
 * Throws UserError if Hydra launched this process through another one, such as npx, that did not pass on the socket
 * PMI_FD by which it speaks with its ranks: MPICH would end the process with messages that help nobody.
 */
export function requireLauncher({ PMI_FD }: Readonly<Record<string, string | undefined>>): void {
  if (PMI_FD === undefined || isSocket(Number(PMI_FD))) return
  throw new UserError(
    'Cannot join the ranks: mpirun started another program that started this one, such as npx, and it did not pass on ' +
      'the connection to mpirun (PMI_FD); start node_modules/.bin/mia itself, as in "mpirun -n 4 node_modules/.bin/mia train"',
  )
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket()
  } catch {
    return false
  }
}

const sizeIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d*$/.test(text) ? Number(text) : undefined
