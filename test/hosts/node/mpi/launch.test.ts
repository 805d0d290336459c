import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { launchOf, requireLauncher } from '../../../../src/hosts/node/mpi/launch.ts'

test('a process that no MPI launched is none of several ranks, also in a job of Slurm', () => {
  expect(launchOf({ PATH: '/bin', SLURM_PROCID: '1', SLURM_NTASKS: '4' })).toBeUndefined()
})

test.each([
  ['mpirun of Open MPI', { OMPI_COMM_WORLD_SIZE: '4', PMIX_RANK: '1' }, 4, 'libmpi.so.40'],
  ['Hydra, of MPICH and Intel MPI', { PMI_SIZE: '8', PMI_RANK: '1' }, 8, 'libmpich.so.12'],
  ['srun --mpi=pmi2', { PMI_RANK: '1', SLURM_NTASKS: '16' }, 16, 'libmpich.so.12'],
  ['srun --mpi=pmix', { PMIX_RANK: '1', SLURM_NTASKS: '16' }, 16, 'libmpi.so.40'],
  ['a launcher that does not say how many', { PMI_RANK: '1' }, undefined, 'libmpich.so.12'],
])('%s', (_, environment, size, library) => {
  expect(launchOf(environment)).toMatchObject({ size })
  expect(launchOf(environment)!.libraries[0]).toBe(library)
  expect(launchOf({ ...environment, MIA_MPI: '/opt/mpi.so' })).toEqual({ size, libraries: ['/opt/mpi.so'] })
})

test('a launcher whose connection is not there, or is something else, is said to be lost', () => {
  expect(() => requireLauncher({})).not.toThrow()
  const file = openSync('/dev/null', 'r')
  for (const descriptor of [file, 99_999])
    expect(() => requireLauncher({ PMI_FD: `${descriptor}` })).toThrow('start node_modules/.bin/mia itself')
  closeSync(file)
})
