/**
 * Seconds between two checkpoints of a phase that trains: at most so much work is lost to a kill. `STAGED_VLM_CHECKPOINT_SECONDS` says otherwise,
 * for tests that kill; no number of a model depends on it.
 */
export function checkpointSeconds(): number {
  const seconds = Number(process.env['STAGED_VLM_CHECKPOINT_SECONDS'] ?? 20);
  return seconds > 0 ? seconds : 20;
}
