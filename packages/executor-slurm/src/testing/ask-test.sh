#!/bin/sh
# What a job of the test cluster runs: asks the test's own process to do the task, and ends as that says. Starting Node for each of many
# tiny phases would take most of the test's time. ask-test.sh FOLDER --store STORE TASK-FILE
folder=$1
name="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_${SLURM_ARRAY_TASK_ID:-0}"
trap 'touch "$folder/$name.stop"' TERM
printf '%s\n%s\n' "$4" "${SLURM_ARRAY_TASK_ID:-0}" > "$folder/$name.writing"
mv "$folder/$name.writing" "$folder/$name.ask"
while [ ! -e "$folder/$name.done" ]; do sleep 0.05; done
cat "$folder/$name.done"
code=$(head -n 1 "$folder/$name.done")
rm -f "$folder/$name.done"
exit "$code"
