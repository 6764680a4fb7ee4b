import type { NamedArrays, Signature, TensorSpec } from './engine.ts';
import { sizeOf } from './ir/graph.ts';
import { JitError, type JitErrorCode } from './jit-error.ts';

const show = ({ shape, dtype }: TensorSpec) => `${dtype} [${shape.join(', ')}]`;

/** @throws {JitError} `invalid-definition` unless every shape is whole, non-negative numbers and every dtype is known */
export function checkSignature(
  where: string,
  signature: Signature,
  dtypes: readonly string[] = ['float32', 'int32'],
): void {
  for (const [name, spec] of Object.entries(signature)) {
    const whole =
      Array.isArray(spec.shape) && spec.shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0);
    if (!whole || !dtypes.includes(spec.dtype)) {
      throw new JitError(
        'invalid-definition',
        `${where}.${name}: expected a shape of non-negative whole numbers and dtype ${dtypes.join(' or ')}, got ` +
          `${JSON.stringify(spec)}.`,
      );
    }
  }
}

/** @throws {JitError} `code` unless the arrays are exactly those of the signature */
export function checkArrays(
  where: string,
  signature: Signature,
  arrays: NamedArrays,
  code: JitErrorCode = 'invalid-batch',
): void {
  for (const [name, spec] of Object.entries(signature)) {
    const array = arrays[name];
    const Expected = spec.dtype === 'int32' ? Int32Array : Float32Array;
    const size = sizeOf(spec.shape);
    if (array instanceof Expected && array.length === size) continue;
    const got = ArrayBuffer.isView(array) ? `${array.constructor.name} of ${array.length} numbers` : typeof array;
    throw new JitError(
      code,
      `${where}: expected ${name} to be ${show(spec)} (${Expected.name} of ${size} numbers), got ${got}.`,
    );
  }
  const extra = Object.keys(arrays).find((name) => !(name in signature));
  if (extra !== undefined) {
    throw new JitError(
      code,
      `${where}: ${extra} is not part of the signature; expected ${Object.keys(signature).join(', ') || 'no arrays'}.`,
    );
  }
}

/**
 * @param bounds by name of an array of indices, how many rows the table has that they look up
 * @throws {JitError} `invalid-batch` for an index that is none of them
 */
export function checkIndices(where: string, bounds: Readonly<Record<string, number>>, arrays: NamedArrays): void {
  for (const [name, rows] of Object.entries(bounds)) {
    const at = arrays[name]?.findIndex((index) => index < 0 || index >= rows) ?? -1;
    if (at < 0) continue;
    throw new JitError(
      'invalid-batch',
      `${where}: expected indices of ${name} from 0 to ${rows - 1}, as many as the table has rows that they look up, got ${arrays[name]![at]} at place ${at}.`,
    );
  }
}

/**
 * The arrays as they are now, so that the caller may fill them anew while a call waits for its turn; of views, not what lies around them.
 * @throws {JitError} `code` unless it is an object
 */
export function copyArrays(where: string, arrays: NamedArrays, code: JitErrorCode = 'invalid-batch'): NamedArrays {
  checkObject(where, arrays, code);
  const copy = (array: unknown) =>
    array instanceof Float32Array || array instanceof Int32Array ? array.slice() : array;
  // What is no such array is left to `checkArrays`, which knows what was expected.
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, copy(array)])) as NamedArrays;
}

/** @throws {JitError} `code` */
export function checkObject(where: string, value: unknown, code: JitErrorCode): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) return;
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : (value?.constructor.name ?? 'undefined');
  throw new JitError(code, `${where}: expected an object of named arrays, got ${got}.`);
}
