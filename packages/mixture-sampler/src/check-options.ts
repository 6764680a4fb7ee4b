import { checkState } from './check-state.ts';
import { isEndless } from './draw-from.ts';
import { MixtureError } from './mixture-error.ts';
import { quoted } from './quoted.ts';
import type { MixtureOptions, MixturePolicy, MixtureSource, ScheduleKnot } from './types.ts';

const whenExhausted: readonly unknown[] = ['stop', 'repeat', 'renormalise'];
const ramps: readonly unknown[] = ['step', 'linear', 'cosine'];
const mixtureFields: Record<keyof MixtureOptions<0>, true> = {
  sources: true,
  schedule: true,
  state: true,
  policy: true,
};
const sourceFields: Record<keyof MixtureSource<0>, true> = {
  name: true,
  weight: true,
  open: true,
  from: true,
  cost: true,
  whenExhausted: true,
  limits: true,
  whenLimited: true,
};
const knotFields: Record<keyof ScheduleKnot, true> = { at: true, weights: true, ramp: true };
const policyFields = {
  random: { kind: true, seed: true },
  'per-batch': { kind: true, seed: true, items: true },
} as const;
const limitNames: readonly string[] = ['epochs', 'items', 'cost'];

/** @throws MixtureError when the options of a mixture cannot be used */
export function checkOptions<T>(options: MixtureOptions<T>): void {
  const { sources, schedule, state, policy = 'exact' } = options;
  checkFields('a mixture', options, mixtureFields);
  if (!Array.isArray(sources)) fail(`sources: expected a list of sources, got ${JSON.stringify(sources)}`);
  if (sources.length === 0) fail('a mixture needs at least one source, got an empty list');
  const names = new Set<string>();
  for (const source of sources) {
    const { name } = source;
    if (typeof name !== 'string' || name === '')
      fail(`expected every source to have a name, got ${JSON.stringify(name)}`);
    if (names.has(name)) fail(`two sources are called "${name}"; names must differ`, name);
    names.add(name);
    checkFields(`source "${name}"`, source, sourceFields);
    checkWeight(source, schedule !== undefined);
    checkEnd(source);
    for (const field of ['open', 'cost'] as const)
      if (typeof source[field] !== 'function')
        fail(`source "${name}": expected ${field} to be a function, got ${typeof source[field]}`, name);
  }
  if (schedule !== undefined) checkSchedule(schedule, [...names]);
  else checkSum('the weights', Object.fromEntries(sources.map(({ name, weight }) => [name, weight!])));
  checkPolicy(policy);
  if (state !== undefined) checkState(state, names);
}

/** A field that is misspelt would be a rule that does not hold. */
function checkFields(where: string, given: object, fields: Readonly<Record<string, true>>): void {
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(fields, field));
  if (unknown !== undefined) fail(`${where}: unknown field "${unknown}"; expected ${Object.keys(fields).join(', ')}`);
}

function checkWeight<T>({ name, weight }: MixtureSource<T>, hasSchedule: boolean): void {
  if (hasSchedule) {
    if (weight !== undefined)
      fail(
        `source "${name}": expected no weight beside a schedule, got ${weight}; the schedule holds the weights`,
        name,
      );
  } else if (!(Number.isFinite(weight) && weight! > 0)) {
    fail(
      `source "${name}": expected a positive weight, got ${weight}; leave out a source that is not wanted, or give the mixture a schedule`,
      name,
    );
  }
}

/** Shares are weight / sum. */
function checkSum(where: string, weights: Record<string, number>): void {
  const sum = Object.values(weights).reduce((all, weight) => all + weight, 0);
  if (!Number.isFinite(sum))
    fail(`${where}: expected a finite sum, got ${sum}; give smaller weights in the same proportion`);
}

function checkEnd<T>({ name, open, whenExhausted: atEnd, limits, whenLimited }: MixtureSource<T>): void {
  if (!whenExhausted.includes(atEnd))
    fail(
      `source "${name}": expected whenExhausted to be "stop", "repeat" or "renormalise", got ${JSON.stringify(atEnd)}`,
      name,
    );
  if (limits === undefined) {
    if (whenLimited !== undefined) fail(`source "${name}": whenLimited is given, but no limits`, name);
    return;
  }
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  for (const [limit, value] of given) {
    if (!limitNames.includes(limit))
      fail(`source "${name}": unknown limit ${JSON.stringify(limit)}; expected ${limitNames.join(', ')}`, name);
    const fits = limit === 'cost' ? Number.isFinite(value) && value! > 0 : Number.isSafeInteger(value) && value! >= 1;
    if (!fits)
      fail(
        `source "${name}": expected limits.${limit} to be ${limit === 'cost' ? 'a positive number' : 'a whole number of at least 1'}, got ${value}`,
        name,
      );
  }
  if (limits.epochs !== undefined && atEnd !== 'repeat')
    fail(
      `source "${name}": limits.epochs counts passes of a source that repeats; with whenExhausted "${atEnd}" it gives one`,
      name,
    );
  if (limits.epochs !== undefined && isEndless(open))
    fail(
      `source "${name}": limits.epochs never ends draws with replacement, which have no passes; give limits.items or limits.cost, or drawFrom replacement false`,
      name,
    );
  const atLimit = whenLimited ?? (atEnd === 'repeat' ? undefined : atEnd);
  if (given.length > 0 && atLimit !== 'stop' && atLimit !== 'renormalise')
    fail(
      `source "${name}": expected whenLimited to be "stop" or "renormalise" for a source with limits that repeats, got ${JSON.stringify(whenLimited)}`,
      name,
    );
}

function checkSchedule(knots: readonly ScheduleKnot[], names: readonly string[]): void {
  if (!Array.isArray(knots) || knots.length === 0) fail('schedule: expected at least one knot, got none');
  knots.forEach((knot: ScheduleKnot | null, k) => {
    const { at, weights, ramp } = knot ?? fail(`schedule[${k}]: expected { at, weights }, got ${JSON.stringify(knot)}`);
    const where = `schedule[${k}]`;
    checkFields(where, knot!, knotFields);
    const before = knots[k - 1]?.at;
    if (before === undefined ? at !== 0 : !(Number.isFinite(at) && at > before))
      fail(`${where}.at: expected ${before === undefined ? '0 in the first knot' : `more than ${before}`}, got ${at}`);
    if (ramp !== undefined && (k === 0 || !ramps.includes(ramp)))
      fail(
        `${where}.ramp: expected ${k === 0 ? 'none in the first knot' : '"step", "linear" or "cosine"'}, got ${JSON.stringify(ramp)}`,
      );
    const given = Object.keys(weights ?? {});
    const wrong = [...names.filter((name) => !given.includes(name)), ...given.filter((name) => !names.includes(name))];
    if (wrong.length > 0)
      fail(
        `${where}.weights: expected a weight for each of the sources ${quoted(names)} and no other, got ${quoted(given)}`,
        wrong[0],
      );
    for (const name of names)
      if (!(Number.isFinite(weights[name]) && weights[name]! >= 0))
        fail(`${where}.weights["${name}"]: expected a number from 0, got ${weights[name]}`, name);
    if (!names.some((name) => weights[name]! > 0))
      fail(`${where}.weights: expected one source with a weight, all have 0`);
    checkSum(`${where}.weights`, weights);
  });
  for (const name of names)
    if (!knots.some(({ weights }) => weights[name]! > 0))
      fail(`schedule: source "${name}" has the weight 0 throughout; leave it out`, name);
}

function checkPolicy(policy: MixturePolicy): void {
  if (policy === 'exact') return;
  const seeded = Number.isSafeInteger(policy?.seed);
  const batches = policy?.kind === 'per-batch' && Number.isSafeInteger(policy.items) && policy.items >= 1;
  if (!seeded || (policy.kind !== 'random' && !batches))
    fail(
      'policy: expected "exact", { kind: "random", seed: <whole number> } or { kind: "per-batch", seed: <whole number>, ' +
        `items: <whole number of at least 1> }, got ${JSON.stringify(policy)}`,
    );
  checkFields('policy', policy, policyFields[policy.kind]);
}

function fail(message: string, source?: string): never {
  throw new MixtureError('invalid-argument', message, source);
}
