/**
 * Nests: arrays and plain objects, as deep as one likes, of tensors and what goes with them. `jit` takes nests and returns nests; an
 * engine sees their leaves alone, by name.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays, NamedTensors, Signature } from './engine.ts';
import { JitError } from './jit-error.ts';

/** A leaf that is data: its values may differ from call to call, its shape and dtype may not. */
export interface TensorLeaf {
  kind: 'tensor';
  /** Path from the root, such as `0.weights.1`. */
  name: string;
  shape: number[];
  dtype: 'float32' | 'int32' | 'bool';
  /** It was given as a JavaScript number. */
  isNumber?: true;
}

/** What a nest looks like, without its data. Two nests of equal structure run the same graph. */
export type Structure =
  | TensorLeaf
  | { kind: 'static'; value?: unknown }
  | { kind: 'list'; items: Structure[] }
  | { kind: 'record'; entries: [key: string, item: Structure][] };

/** Values of the tensor leaves by name, not yet read. */
export type Leaves = Map<string, tf.Tensor | Float32Array | Int32Array>;

/**
 * Takes a nest apart: tensors, numbers (float32 scalars) and `Float32Array`s and `Int32Array`s (vectors) are data; strings, booleans, `null`
 * and `undefined` belong to the structure.
 * @param where for messages
 * @param numbers what JavaScript numbers are: data, or (in what a function returns) part of the structure
 * @throws {JitError} `invalid-input` for anything else
 */
export function flattenNest(
  where: string,
  nest: unknown,
  name: string,
  leaves: Leaves,
  numbers: 'data' | 'static' = 'data',
): Structure {
  const leaf = (value: tf.Tensor | Float32Array | Int32Array, shape: number[], dtype: string): TensorLeaf => {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
      throw new JitError(
        'invalid-input',
        `${where}: expected ${name || 'it'} to be a tensor of float32, int32 or bool, got ${dtype}.`,
      );
    }
    leaves.set(name, value);
    return { kind: 'tensor', name, shape, dtype };
  };
  if (nest instanceof tf.Tensor) {
    if (nest.isDisposed) throw new JitError('invalid-input', `${where}: the tensor ${name || 'itself'} is disposed.`);
    return leaf(nest, [...nest.shape], nest.dtype);
  }
  if (typeof nest === 'number' && numbers === 'static') return { kind: 'static', value: nest };
  if (typeof nest === 'number') return { ...leaf(Float32Array.of(nest), [], 'float32'), isNumber: true };
  if (nest instanceof Float32Array) return leaf(nest, [nest.length], 'float32');
  if (nest instanceof Int32Array) return leaf(nest, [nest.length], 'int32');
  if (nest === undefined) return { kind: 'static' };
  if (nest === null || typeof nest === 'string' || typeof nest === 'boolean') return { kind: 'static', value: nest };
  const inside = (key: string | number) => (name ? `${name}.${key}` : String(key));
  if (Array.isArray(nest)) {
    return { kind: 'list', items: nest.map((item, i) => flattenNest(where, item, inside(i), leaves, numbers)) };
  }
  if (isPlainObject(nest)) {
    const entries = Object.entries(nest).map(([key, item]): [string, Structure] => [
      key,
      flattenNest(where, item, inside(key), leaves, numbers),
    ]);
    return { kind: 'record', entries };
  }
  const got = typeof nest === 'object' ? (nest.constructor?.name ?? 'an object') : typeof nest;
  throw new JitError(
    'invalid-input',
    `${where}: expected ${name || 'it'} to be a tensor, number, Float32Array, Int32Array, string, boolean, null or undefined, or an array or ` +
      `plain object of these, got ${got}. Close over what never changes instead of passing it in.`,
  );
}

/** The nest that has a structure, with `leaf` in the place of each tensor. */
export function buildNest(structure: Structure, leaf: (leaf: TensorLeaf) => unknown): unknown {
  switch (structure.kind) {
    case 'tensor':
      return leaf(structure);
    case 'static':
      return structure.value;
    case 'list':
      return structure.items.map((item) => buildNest(item, leaf));
    case 'record':
      return Object.fromEntries(structure.entries.map(([key, item]) => [key, buildNest(item, leaf)]));
  }
}

/** The tensor leaves of a structure, in order. */
export function leavesOf(structure: Structure): TensorLeaf[] {
  const leaves: TensorLeaf[] = [];
  buildNest(structure, (leaf) => leaves.push(leaf));
  const names = new Set<string>();
  for (const { name } of leaves) {
    if (names.has(name)) {
      throw new JitError(
        'invalid-input',
        `Two tensors have the path ${name}: a key with a dot meets a nested object. Rename one.`,
      );
    }
    names.add(name);
  }
  return leaves;
}

/** The nest inside a function that runs: engines know no booleans, and numbers are tensors there. */
export function insideNest(structure: Structure, tensors: NamedTensors): unknown {
  return buildNest(structure, ({ name, dtype, isNumber }) => {
    const tensor = tensors[name]!;
    if (dtype === 'bool') return tf.cast(tensor, 'bool');
    return isNumber ? refuseArithmetic(tensor, name) : tensor;
  });
}

/** Shapes and dtypes of the tensor leaves, as an engine takes them. */
export function signatureOf(structure: Structure): Signature {
  return Object.fromEntries(
    leavesOf(structure).map(({ name, shape, dtype }) => [
      name,
      { shape, dtype: dtype === 'float32' ? dtype : 'int32' },
    ]),
  );
}

/** Values of the leaves as an engine takes them. Reading starts at once, so the caller may dispose of the tensors. */
export async function readLeaves(leaves: Leaves): Promise<NamedArrays> {
  const read = async ([name, value]: [string, tf.Tensor | Float32Array | Int32Array]) => {
    if (!(value instanceof tf.Tensor)) return [name, value.slice()];
    const data = await value.data();
    return [name, value.dtype === 'bool' ? Int32Array.from(data) : data];
  };
  return Object.fromEntries(await Promise.all([...leaves].map(read)));
}

/** A leaf as a tensor of the current tfjs backend. */
export function tensorOf({ shape, dtype }: TensorLeaf, data: Float32Array | Int32Array): tf.Tensor {
  return tf.tensor(dtype === 'bool' ? Uint8Array.from(data) : data, shape, dtype);
}

/** `lr * 2` on a tensor would be NaN without a word. */
function refuseArithmetic(tensor: tf.Tensor, name: string): tf.Tensor {
  return Object.defineProperty(tensor, Symbol.toPrimitive, {
    configurable: true, // The tensor of a state comes again when a call has failed.
    value: () => {
      throw new JitError(
        'data-dependent',
        `The number ${name} is a tensor inside a compiled function, so that its value may differ from call to call: use tf.mul, tf.add, … ` +
          'on it, or name its argument in `staticArguments` to compile one graph per value.',
      );
    },
  });
}

/**
 * What in a value JSON does not tell from something else (`NaN` from `null`, one `Map` from another), in words, and `undefined` where there
 * is nothing such. An entry of a record that is `undefined` counts as absent.
 */
export function notJson(value: unknown, where: string): string | undefined {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return undefined;
  if (typeof value === 'number') {
    if (Number.isFinite(value) && !Object.is(value, -0)) return undefined;
    return `${Object.is(value, -0) ? '-0' : value} in ${where}`;
  }
  const isArray = Array.isArray(value);
  if (!isArray && !isPlainObject(value)) {
    const got = typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
    return `${got} in ${where}`;
  }
  for (const [key, item] of isArray ? value.entries() : Object.entries(value)) {
    const inside = `${where}.${key}`;
    const stranger = isArray && item === undefined ? `undefined in ${inside}` : notJson(item, inside);
    if (stranger) return stranger;
  }
  return undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
