/** Checks of options that came misspelt or as another type than TypeScript was told. */
import { TrainerError } from './trainer-error.ts';

/** @throws TrainerError `bad-option` unless the value is one of the choices */
export function checkChoice(where: string, name: string, value: unknown, choices: readonly string[]): void {
  if (choices.includes(value as string)) return;
  throw new TrainerError(
    'bad-option',
    `${where}: expected ${name} to be one of ${choices.join(', ')}, got ${JSON.stringify(value)}.`,
  );
}

/** @throws TrainerError `bad-option` unless the value is a number of at least `least`, a whole one where `whole` says so */
export function checkNumber(where: string, name: string, value: unknown, least: number, whole?: 'whole'): void {
  if (typeof value === 'number' && value >= least && (whole === undefined || Number.isInteger(value))) return;
  const expected = whole === undefined ? 'a number' : 'an integer';
  throw new TrainerError(
    'bad-option',
    `${where}: expected ${name} to be ${expected} of at least ${least}, got ${String(value)}.`,
  );
}

/** @throws TrainerError `bad-option` unless the value is an object of no other fields than these */
export function checkFields(where: string, name: string, value: unknown, fields: readonly string[]): void {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const unknown = isObject ? Object.keys(value).find((key) => !fields.includes(key)) : undefined;
  if (isObject && unknown === undefined) return;
  const got = unknown === undefined ? JSON.stringify(value) : `the field ${JSON.stringify(unknown)}`;
  throw new TrainerError(
    'bad-option',
    `${where}: expected ${name} to be an object of ${fields.join(', ')}, got ${got}.`,
  );
}
