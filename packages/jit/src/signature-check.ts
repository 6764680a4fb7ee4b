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
