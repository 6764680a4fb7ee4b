import { ModelError } from './model-error.ts';

/** Strict checks of plain option objects: every error names the field, what was expected and what came. */

export function checkKeys(owner: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelError('INVALID_CONFIG', `${owner}: expected an object, got ${show(value)}.`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = known.find((name) => plain(key) === plain(name)) ?? known.find((name) => isNear(key, name));
    throw new ModelError(
      'INVALID_CONFIG',
      `${owner}: unknown field "${key}"${near ? `; did you mean "${near}"?` : ''} Known fields: ${known.join(', ')}.`,
    );
  }
}

export function checkInteger(owner: string, field: string, value: unknown, min = 1): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw new ModelError('INVALID_CONFIG', `${owner}.${field}: expected an integer ≥ ${min}, got ${show(value)}.`);
  }
  return value;
}

export function checkNumber(owner: string, field: string, value: unknown, min: number, exclusive = true): number {
  const ok = typeof value === 'number' && Number.isFinite(value) && (exclusive ? value > min : value >= min);
  if (!ok) {
    throw new ModelError(
      'INVALID_CONFIG',
      `${owner}.${field}: expected a number ${exclusive ? '>' : '≥'} ${min}, got ${show(value)}.`,
    );
  }
  return value;
}

export function checkBoolean(owner: string, field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw new ModelError('INVALID_CONFIG', `${owner}.${field}: expected true or false, got ${show(value)}.`);
  }
  return value;
}

export function checkOneOf<const T extends string>(
  owner: string,
  field: string,
  value: unknown,
  allowed: readonly T[],
): T {
  if (!allowed.includes(value as T)) {
    const names = allowed.map((name) => `"${name}"`).join(', ');
    throw new ModelError('INVALID_CONFIG', `${owner}.${field}: expected one of ${names}, got ${show(value)}.`);
  }
  return value as T;
}

export function show(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
}

/** Without case and separators. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** At most one edit apart. */
function isNear(a: string, b: string): boolean {
  const [x, y] = [plain(a), plain(b)];
  if (x === y) return true;
  if (Math.abs(x.length - y.length) > 1) return false;
  let i = 0;
  while (i < x.length && x[i] === y[i]) i++;
  const [restX, restY] = [x.slice(i), y.slice(i)];
  return (
    restX.slice(1) === restY.slice(1) || // one letter replaced
    restX.slice(1) === restY || // one too many
    restX === restY.slice(1) || // one missing
    (restX[0] === restY[1] && restX[1] === restY[0] && restX.slice(2) === restY.slice(2)) // two swapped
  );
}
