#!/usr/bin/env bash
# Thirty-two shards, and a job that merges them when all have ended:
#   merge_after=$(sbatch --parsable slurm.sh)
#   sbatch --dependency=afterany:"$merge_after" --wrap "seaworthy merge results --junit results/junit.xml"
#SBATCH --job-name=seaworthy
#SBATCH --array=0-31
#SBATCH --cpus-per-task=4
#SBATCH --mem=1G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-.}"

seaworthy explore scenarios --seeds 0..1000000 --jobs 4 --time 50m --shard auto --out results
