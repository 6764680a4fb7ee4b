import { MixtureError } from './mixture-error.ts';
import type { MixtureOptions, MixturePolicy, MixtureSource, MixtureState } from './types.ts';

const whenExhausted: readonly unknown[] = ['stop', 'repeat', 'renormalise'];

/** @throws MixtureError when the options of a mixture cannot be used */
export function checkOptions<T>({ sources, state, policy = 'exact' }: MixtureOptions<T>): void {
  if (sources.length === 0)
    throw new MixtureError('invalid-argument', 'a mixture needs at least one source, got an empty list');
  const names = new Set<string>();
  for (const source of sources) {
    if (typeof source.name !== 'string' || source.name === '') {
      throw new MixtureError(
        'invalid-argument',
        `expected every source to have a name, got ${JSON.stringify(source.name)}`,
      );
    }
    if (names.has(source.name))
      throw new MixtureError(
        'invalid-argument',
        `two sources are called "${source.name}"; names must differ`,
        source.name,
      );
    names.add(source.name);
    checkSource(source);
  }
  checkPolicy(policy);
  if (state !== undefined) checkState(state, names);
}

function checkSource<T>({ name, weight, whenExhausted: policy }: MixtureSource<T>): void {
  if (!(Number.isFinite(weight) && weight > 0)) {
    throw new MixtureError(
      'invalid-argument',
      `source "${name}": expected a positive weight, got ${weight}; leave out a source that is not wanted`,
      name,
    );
  }
  if (!whenExhausted.includes(policy)) {
    throw new MixtureError(
      'invalid-argument',
      `source "${name}": expected whenExhausted to be "stop", "repeat" or "renormalise", got ${JSON.stringify(policy)}`,
      name,
    );
  }
}

function checkPolicy(policy: MixturePolicy): void {
  if (policy === 'exact') return;
  if (policy?.kind !== 'random' || !Number.isSafeInteger(policy.seed)) {
    throw new MixtureError(
      'invalid-argument',
      `policy: expected "exact" or { kind: "random", seed: <whole number> }, got ${JSON.stringify(policy)}`,
    );
  }
}

function checkState(state: MixtureState, names: ReadonlySet<string>): void {
  if (state?.version !== 1) {
    throw new MixtureError(
      'invalid-state',
      `expected a mixture state of version 1, got ${JSON.stringify(state?.version)}; was it made by state() of a mixture?`,
    );
  }
  for (const field of ['delivered', 'items', 'epochs'] as const) {
    const record = state[field] ?? {};
    const saved = Object.keys(record);
    const unknown = saved.filter((name) => !names.has(name));
    const missing = [...names].filter((name) => !Object.hasOwn(record, name));
    if (unknown.length > 0 || missing.length > 0) {
      throw new MixtureError(
        'invalid-state',
        `the state is of other sources: it knows ${list(saved)}, the mixture has ${list([...names])}; open the sources it was saved with, under their names`,
      );
    }
    for (const name of saved) {
      const value = record[name]!;
      if (!(Number.isFinite(value) && value >= 0) || (field !== 'delivered' && !Number.isSafeInteger(value))) {
        throw new MixtureError(
          'invalid-state',
          `state.${field}["${name}"]: expected a count from 0, got ${value}`,
          name,
        );
      }
    }
  }
  for (const name of [...Object.keys(state.sources ?? {}), ...(state.ended ?? [])]) {
    if (!names.has(name))
      throw new MixtureError(
        'invalid-state',
        `the state speaks of a source "${name}", the mixture has ${list([...names])}`,
        name,
      );
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ');
}
