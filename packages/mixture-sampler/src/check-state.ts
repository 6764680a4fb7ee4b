import { MixtureError } from './mixture-error.ts';
import { quoted } from './quoted.ts';
import type { MixtureState } from './types.ts';

/** @throws MixtureError `invalid-state` when a saved state is not one, or is one of other sources */
export function checkState(state: MixtureState, names: ReadonlySet<string>): void {
  if (state?.version !== 1)
    fail(
      `expected a mixture state of version 1, got ${JSON.stringify(state?.version)}; was it made by state() of a mixture?`,
    );
  for (const field of ['delivered', 'items', 'epochs'] as const) {
    const record = state[field] ?? {};
    const saved = Object.keys(record);
    const unknown = saved.filter((name) => !names.has(name));
    const missing = [...names].filter((name) => !Object.hasOwn(record, name));
    if (unknown.length > 0 || missing.length > 0)
      fail(
        `the state is of other sources: it knows ${quoted(saved)}, the mixture has ${quoted([...names])}; open the sources it was saved with, under their names`,
      );
    for (const name of saved) {
      const value = record[name]!;
      if (!(Number.isFinite(value) && value >= 0) || (field !== 'delivered' && !Number.isSafeInteger(value)))
        fail(`state.${field}["${name}"]: expected a count from 0, got ${value}`, name);
    }
  }
  if (!Array.isArray(state.ended))
    fail(`state.ended: expected the names of the sources that have ended, got ${JSON.stringify(state.ended)}`);
  const named = [
    ...Object.keys(state.sources ?? {}),
    ...state.ended,
    ...(state.limited ?? []),
    ...(state.batch ? [state.batch.source] : []),
  ];
  for (const name of named)
    if (!names.has(name)) fail(`the state speaks of a source "${name}", the mixture has ${quoted([...names])}`, name);
  checkOrigin(state, names);
  const { batch } = state;
  if (batch && ![batch.draws, batch.left].every((count) => Number.isSafeInteger(count) && count >= 0))
    fail(`state.batch: expected draws and left to be counts from 0, got ${JSON.stringify(batch)}`);
}

function checkOrigin({ origin, ended }: MixtureState, names: ReadonlySet<string>): void {
  if (origin === undefined) return;
  const active = [...names].filter((name) => !ended.includes(name));
  const known = Object.keys(origin.targets ?? {});
  const numbers = [origin.total, ...Object.values(origin.targets ?? {})];
  if (
    known.length !== active.length ||
    !active.every((name) => known.includes(name)) ||
    !numbers.every(Number.isFinite)
  )
    fail(
      `state.origin: expected { total, targets } with a number for each of ${quoted(active)}, got ${JSON.stringify(origin)}`,
    );
}

function fail(message: string, source?: string): never {
  throw new MixtureError('invalid-state', message, source);
}
