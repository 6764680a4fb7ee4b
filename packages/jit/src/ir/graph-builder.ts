import { JitError } from '../jit-error.ts';
import {
  type AttributeValue,
  broadcastShapes,
  type ConstantData,
  type Graph,
  type IrDType,
  int,
  ints,
  sameShape,
  sizeOf,
  type ValueInfo,
} from './graph.ts';

/** Appends values and nodes to a graph. Every method returns the number of the value it makes. */
export class GraphBuilder {
  readonly graph: Graph;

  /** @param graph to append to; default: an empty one */
  constructor(graph: Graph = { values: [], constants: new Map(), inputs: [], nodes: [], outputs: [] }) {
    this.graph = graph;
  }

  shape(value: number): readonly number[] {
    return this.graph.values[value]!.shape;
  }

  dtype(value: number): IrDType {
    return this.graph.values[value]!.dtype;
  }

  value(info: ValueInfo): number {
    return this.graph.values.push({ shape: [...info.shape], dtype: info.dtype }) - 1;
  }

  input(name: string, info: ValueInfo): number {
    const value = this.value(info);
    this.graph.inputs.push({ name, value });
    return value;
  }

  constant(data: ConstantData, shape: readonly number[], dtype: IrDType): number {
    const value = this.value({ shape, dtype });
    this.graph.constants.set(value, data);
    return value;
  }

  scalar(data: number, dtype: IrDType): number {
    return this.constant(data, [], dtype);
  }

  /** A 1-D int64 constant: shapes, axes, starts, ends. */
  int64s(numbers: readonly number[]): number {
    return this.constant(BigInt64Array.from(numbers, BigInt), [numbers.length], 'int64');
  }

  nodes(
    op: string,
    inputs: readonly number[],
    outputs: readonly ValueInfo[],
    attributes: Record<string, AttributeValue> = {},
    domain = '',
  ): number[] {
    const made = outputs.map((info) => this.value(info));
    this.graph.nodes.push({ op, domain, inputs: [...inputs], outputs: made, attributes });
    return made;
  }

  node(
    op: string,
    inputs: readonly number[],
    shape: readonly number[],
    dtype: IrDType,
    attributes: Record<string, AttributeValue> = {},
  ): number {
    return this.nodes(op, inputs, [{ shape, dtype }], attributes)[0]!;
  }

  unary(op: string, x: number, attributes: Record<string, AttributeValue> = {}): number {
    return this.node(op, [x], this.shape(x), this.dtype(x), attributes);
  }

  /** @param dtype of the result; absent: that of `x` */
  binary(op: string, x: number, y: number, dtype: IrDType = this.dtype(x)): number {
    return this.node(op, [x, y], this.broadcast(op, x, y), dtype);
  }

  where(condition: number, x: number, y: number): number {
    const branches = this.broadcast('Where', x, y);
    const shape = broadcastShapes(branches, this.shape(condition));
    if (!shape) throw mismatch('Where', this.shape(condition), branches);
    if (this.dtype(x) === 'bool') {
      // ONNX Runtime chooses between numbers only.
      const chosen = this.binary('And', condition, x);
      const other = this.binary('And', this.unary('Not', condition), y);
      return this.node('Or', [chosen, other], shape, 'bool');
    }
    return this.node('Where', [condition, x, y], shape, this.dtype(x));
  }

  reshape(x: number, shape: readonly number[]): number {
    if (sameShape(this.shape(x), shape)) return x;
    if (sizeOf(shape) !== sizeOf(this.shape(x))) throw mismatch('Reshape', this.shape(x), shape);
    return this.node(
      'Reshape',
      [x, this.int64s(shape)],
      shape,
      this.dtype(x),
      sizeOf(shape) ? {} : { allowzero: int(1) },
    );
  }

  transpose(x: number, perm: readonly number[]): number {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = this.shape(x);
    return this.node(
      'Transpose',
      [x],
      perm.map((axis) => shape[axis]!),
      this.dtype(x),
      { perm: ints(perm) },
    );
  }

  expand(x: number, shape: readonly number[]): number {
    if (sameShape(this.shape(x), shape)) return x;
    return this.node('Expand', [x, this.int64s(shape)], shape, this.dtype(x));
  }

  cast(x: number, dtype: IrDType): number {
    if (this.dtype(x) === dtype) return x;
    return this.node('Cast', [x], this.shape(x), dtype, { to: int(onnxTypes[dtype]) });
  }

  split(x: number, sizes: readonly number[], axis: number): number[] {
    if (sizes.length === 1) return [x];
    const outputs = sizes.map((size) => ({ shape: this.shape(x).with(axis, size), dtype: this.dtype(x) }));
    return this.nodes('Split', [x, this.int64s(sizes)], outputs, { axis: int(axis) });
  }

  /** @param begin, end, step one number per axis of `axes` */
  slice(
    x: number,
    begin: readonly number[],
    end: readonly number[],
    axes: readonly number[],
    step: readonly number[],
    shape: readonly number[],
  ): number {
    const bounds = [begin, end, axes, step].map((numbers) => this.int64s(numbers));
    return this.node('Slice', [x, ...bounds], shape, this.dtype(x));
  }

  private broadcast(op: string, x: number, y: number): number[] {
    const shape = broadcastShapes(this.shape(x), this.shape(y));
    if (!shape) throw mismatch(op, this.shape(x), this.shape(y));
    return shape;
  }
}

/** Numbers of `TensorProto.DataType`. */
export const onnxTypes: Record<IrDType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };

function mismatch(op: string, a: readonly number[], b: readonly number[]): JitError {
  return new JitError(
    'invalid-definition',
    `${op}: expected shapes that fit together, got [${a.join(', ')}] and [${b.join(', ')}].`,
  );
}
