#!/bin/bash
# Extracts features in eight jobs that need not run at the same time, without MPI. Not run by us on a cluster.
#SBATCH --job-name=mia-features
#SBATCH --array=1-8
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
set -euo pipefail

module load node
export MIA_THREADS="$SLURM_CPUS_PER_TASK"

# The job that ends last puts the parts together. A job that failed is repeated alone: sbatch --array=3 ...
npx mia features --data /shared/coco --cnn /shared/resnet101.onnx --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
