/**
 * The typed graph between the trace and ONNX: plain data with static shapes. Values are numbers that index `values`; nodes stand in
 * an order in which they can run. Operators carry their ONNX names.
 */
export type IrDType = 'float32' | 'int32' | 'int64' | 'bool';

export interface ValueInfo {
  shape: readonly number[];
  dtype: IrDType;
}

/** A number stands for a whole array of it: fills stay virtual until the graph is written. */
export type ConstantData = number | Float32Array | Int32Array | BigInt64Array | Uint8Array;

export type AttributeValue =
  | { type: 'int'; value: number }
  | { type: 'float'; value: number }
  | { type: 'string'; value: string }
  | { type: 'ints'; value: readonly number[] }
  | { type: 'floats'; value: readonly number[] }
  | { type: 'strings'; value: readonly string[] };

export interface IrNode {
  op: string;
  /** '' is the ONNX standard. */
  domain: string;
  /** Value numbers; `ABSENT` where an optional input is left out. */
  inputs: number[];
  outputs: number[];
  attributes: Record<string, AttributeValue>;
}

export interface NamedValue {
  name: string;
  value: number;
  /** An input that is written without its shape, see `hideShapes`. */
  hasHiddenShape?: boolean;
}

export interface Graph {
  values: ValueInfo[];
  constants: Map<number, ConstantData>;
  inputs: NamedValue[];
  nodes: IrNode[];
  outputs: NamedValue[];
}

/** Stands for an optional input or output that is left out. */
export const ABSENT = -1;

export const int = (value: number): AttributeValue => ({ type: 'int', value });
export const float = (value: number): AttributeValue => ({ type: 'float', value });
export const ints = (value: readonly number[]): AttributeValue => ({ type: 'ints', value });
export const text = (value: string): AttributeValue => ({ type: 'string', value });

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dimension) => size * dimension, 1);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dimension, i) => dimension === b[i]);

/** Shape of two arrays broadcast together, by NumPy's rule; `undefined` where they do not fit. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) return undefined;
    out.push(p === 1 ? q : p);
  }
  return out;
}

/** Which node computes a value. Values that no node computes are inputs or constants. */
export function producers(graph: Graph): Map<number, IrNode> {
  const made = new Map<number, IrNode>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== ABSENT) made.set(output, node);
  return made;
}

/** Replaces every use of the map's keys by its values, in nodes and graph outputs. Chains are followed. */
export function substitute(graph: Graph, map: ReadonlyMap<number, number>): void {
  if (map.size === 0) return;
  const resolve = (value: number): number => {
    let now = value;
    for (let next = map.get(now); next !== undefined; next = map.get(now)) now = next;
    return now;
  };
  for (const node of graph.nodes) node.inputs = node.inputs.map(resolve);
  for (const output of graph.outputs) output.value = resolve(output.value);
}
