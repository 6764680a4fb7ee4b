/** What a run must be before its first step: options that make sense, and a start that is this run and no other. */
import { checkFields, checkNumber } from './check-values.ts';
import { checkCheckpointName } from './checkpoint-store.ts';
import { checkSpikeRule } from './loss-spikes.ts';
import type { RunState } from './run-state.ts';
import type { TrainOptions } from './train.ts';
import { TrainerError } from './trainer-error.ts';

/** @throws TrainerError `bad-option` */
export function checkOptions(options: TrainOptions): void {
  const { steps, checkpointEvery = {}, namedCheckpoints = {}, store, notFinite = 'stop', lossSpike = {} } = options;
  const { maxBatchesWithoutLoss = 1 } = options;
  checkNumber('Training', 'steps', steps, 0, 'whole');
  checkFields('Training', 'checkpointEvery', checkpointEvery, ['steps', 'seconds']);
  checkNumber('Training', 'checkpointEvery.steps', checkpointEvery.steps ?? 1, 1, 'whole');
  checkNumber('Training', 'checkpointEvery.seconds', checkpointEvery.seconds ?? 0, 0);
  for (const [name, step] of Object.entries(namedCheckpoints)) {
    checkCheckpointName(name); // Refused by the store at its step, it would cost the run all work until then.
    checkNumber('Training', `namedCheckpoints ${JSON.stringify(name)}`, step, 0, 'whole');
  }
  if (notFinite !== 'stop') {
    checkFields('Training', "notFinite, unless 'stop',", notFinite, ['skip']);
    checkNumber('Training', 'notFinite.skip', notFinite.skip, 0);
  }
  checkSpikeRule(lossSpike);
  checkNumber('Training', 'maxBatchesWithoutLoss', maxBatchesWithoutLoss, 1);
  const late = Object.entries(namedCheckpoints).find(([, step]) => step > steps);
  if (late) {
    throw new TrainerError(
      'bad-option',
      `Training: expected checkpoint ${JSON.stringify(late[0])} within the ${steps} steps, got step ${late[1]}.`,
    );
  }
  if (!store && (Object.keys(namedCheckpoints).length > 0 || Object.keys(checkpointEvery).length > 0)) {
    throw new TrainerError(
      'bad-option',
      'Training: checkpoints were asked for, but there is no store to keep them; give store.',
    );
  }
}

/**
 * A checkpoint under other settings would be a branch.
 *
 * @param where names what holds the state
 * @throws TrainerError `settings-changed`
 */
export function checkSameRun(state: RunState, { run, steps }: TrainOptions, where: string): void {
  const pairs = {
    run: [run.run, state.run],
    numerics: [run.numerics, state.numerics],
    schedule: [run.schedule, state.schedule],
    accumulate: [run.accumulate ?? 1, state.accumulate ?? 1],
    trains: [run.trains ?? null, state.trains ?? null],
  };
  for (const [field, [expected, got]] of Object.entries(pairs)) {
    if (canonical(expected) === canonical(got)) continue;
    throw new TrainerError(
      'settings-changed',
      `Training ${run.run}: expected ${field} ${canonical(expected)}, got ${canonical(got)} in ${where}; ` +
        'to go on from it under other settings, branch from it into a store of its own.',
    );
  }
  if (state.step > steps) {
    throw new TrainerError(
      'settings-changed',
      `Training ${run.run}: expected a start at step ${steps} at most, got step ${state.step} in ${where}.`,
    );
  }
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
