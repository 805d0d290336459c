#!/bin/bash
# Trains on four nodes, one rank each. Not run by us on a cluster: adapt partition, modules and paths.
#SBATCH --job-name=mia-train
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
# Slurm sends SIGTERM two minutes before the limit: all ranks stop after the same step, and rank 0 saves.
#SBATCH --signal=TERM@120
#SBATCH --requeue
set -euo pipefail

module load openmpi node
# The threads of each rank's engine. The same number gives the same bytes again.
export MIA_THREADS="$SLURM_CPUS_PER_TASK"

# The same command resumes the run after the limit, a failure or a requeue, also with another number of nodes.
# With MPICH or Intel MPI: --mpi=pmi2
srun --mpi=pmix --kill-on-bad-exit=1 \
  npx mia train --data /shared/coco --basic-model VisualAttention --mia --batch-size 320 --out /shared/runs/va-mia
