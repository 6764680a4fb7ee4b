/** A graph as an ONNX model file. Field numbers are those of `onnx.proto` (IR version 10). */
import {
  ABSENT,
  type AttributeValue,
  type ConstantData,
  type Graph,
  type IrDType,
  type IrNode,
  sizeOf,
  type ValueInfo,
} from '../ir/graph.ts';
import { onnxTypes } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

const IR_VERSION = 10;
export const ONNX_OPSET = 23;
/** A protobuf message may not exceed 2 GiB. */
const MAX_BYTES = 2 ** 31 - 1;
/** Fills above this many elements are written as `ConstantOfShape`. */
const MAX_EXPANDED_FILL = 256;

const attributeTypes = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const;

/**
 * @param graph inputs and outputs carry their names; constants become initializers
 * @param firstOutput a name: the model's first output is then a sequence that holds the graph's first one
 * @throws {JitError} `too-large` above 2 GiB
 */
export function onnxModel(graph: Graph, firstOutput?: string): Uint8Array {
  const { names, shapeNames } = valueNames(graph, firstOutput);
  const nameOf = (value: number) => (value === ABSENT ? '' : names.get(value)!);
  const used = new Set(graph.nodes.flatMap((node) => node.inputs));
  for (const { value } of graph.outputs) used.add(value);

  let bytes = 0;
  for (const [value, data] of graph.constants)
    if (used.has(value) && typeof data !== 'number') bytes += data.byteLength;
  if (bytes > MAX_BYTES) {
    throw new JitError('too-large', `ONNX: expected at most ${MAX_BYTES} bytes of constants, got ${bytes}.`);
  }

  const domains = new Set(graph.nodes.map((node) => node.domain).filter((domain) => domain !== ''));
  const model = new ProtobufWriter()
    .int(1, IR_VERSION)
    .string(2, '@vlm/jit')
    .message(7, (g) => {
      for (const [value, data] of graph.constants) {
        const info = graph.values[value]!;
        if (used.has(value) && isLongFill(data, info.shape)) {
          writeFill(g, nameOf(value), shapeNames.get(value)!, info, data);
        }
      }
      for (const node of graph.nodes) writeNode(g, node, nameOf);
      if (firstOutput !== undefined) writeSequence(g, firstOutput, graph.outputs[0]!.name);
      g.string(2, 'traced');
      for (const [value, data] of graph.constants) {
        const info = graph.values[value]!;
        if (!used.has(value)) continue;
        if (isLongFill(data, info.shape)) {
          writeTensor(g, 5, shapeNames.get(value)!, int64Info(info), shapeData(info));
        } else writeTensor(g, 5, nameOf(value), info, data);
      }
      for (const { name, value, hasHiddenShape } of graph.inputs) {
        const { shape, dtype } = graph.values[value]!;
        writeValueInfo(g, 11, name, { shape: hasHiddenShape ? undefined : shape, dtype });
      }
      if (firstOutput !== undefined) writeSequenceInfo(g, 12, firstOutput, graph.values[graph.outputs[0]!.value]!);
      for (const { name, value } of graph.outputs) writeValueInfo(g, 12, name, graph.values[value]!);
    })
    .message(8, (opset) => opset.string(1, '').int(2, ONNX_OPSET));
  for (const domain of domains) model.message(8, (opset) => opset.string(1, domain).int(2, 1));
  return model.finish();
}

/** A constant that is written as `ConstantOfShape`. */
export const isLongFill = (data: ConstantData, shape: readonly number[]): data is number =>
  typeof data === 'number' && sizeOf(shape) > MAX_EXPANDED_FILL;
const int64Info = (info: ValueInfo): ValueInfo => ({ shape: [info.shape.length], dtype: 'int64' });
const shapeData = (info: ValueInfo) => BigInt64Array.from(info.shape, BigInt);

/**
 * Graph inputs and outputs keep the caller's names; everything else is numbered, around names that the caller has given.
 * @returns names of values, and of the shapes of fills
 */
function valueNames(
  { inputs, outputs, values, constants }: Graph,
  firstOutput: string | undefined,
): Record<'names' | 'shapeNames', Map<number, string>> {
  const given = [...inputs, ...outputs];
  const names = new Map<number, string>(given.map(({ name, value }) => [value, name]));
  const taken = new Set(given.map(({ name }) => name));
  if (firstOutput !== undefined) taken.add(firstOutput);
  const free = (name: string): string => {
    if (taken.has(name)) return free(`${name}_`);
    taken.add(name);
    return name;
  };
  for (const value of values.keys()) if (!names.has(value)) names.set(value, free(`v${value}`));
  const shapeNames = new Map([...constants.keys()].map((value) => [value, free(`${names.get(value)}_shape`)]));
  return { names, shapeNames };
}

function writeNode(g: ProtobufWriter, node: IrNode, nameOf: (value: number) => string): void {
  g.message(1, (n) => {
    for (const input of node.inputs) n.string(1, nameOf(input));
    for (const output of node.outputs) n.string(2, nameOf(output));
    n.string(4, node.op);
    for (const [name, value] of Object.entries(node.attributes)) n.message(5, (a) => writeAttribute(a, name, value));
    if (node.domain) n.string(7, node.domain);
  });
}

function writeAttribute(a: ProtobufWriter, name: string, attribute: AttributeValue): void {
  a.string(1, name);
  if (attribute.type === 'float') a.float(2, attribute.value);
  else if (attribute.type === 'int') a.int(3, attribute.value);
  else if (attribute.type === 'string') a.string(4, attribute.value);
  else if (attribute.type === 'floats') for (const value of attribute.value) a.float(7, value);
  else if (attribute.type === 'ints') for (const value of attribute.value) a.int(8, value);
  else for (const value of attribute.value) a.string(9, value);
  a.int(20, attributeTypes[attribute.type]);
}

/** `ConstantOfShape`, so that a fill of any size stays a few bytes. */
function writeFill(g: ProtobufWriter, name: string, shapeName: string, info: ValueInfo, value: number): void {
  g.message(1, (n) => {
    n.string(1, shapeName).string(2, name).string(4, 'ConstantOfShape');
    n.message(5, (a) => {
      a.string(1, 'value');
      writeTensor(a, 5, '', { shape: [1], dtype: info.dtype }, value);
      a.int(20, 4);
    });
  });
}

function writeSequence(g: ProtobufWriter, name: string, of: string): void {
  g.message(1, (n) => n.string(1, of).string(2, name).string(4, 'SequenceConstruct'));
}

function writeTensor(
  parent: ProtobufWriter,
  field: number,
  name: string,
  { shape, dtype }: ValueInfo,
  data: ConstantData,
): void {
  parent.message(field, (t) => {
    for (const dimension of shape) t.int(1, dimension);
    t.int(2, onnxTypes[dtype]);
    if (name) t.string(8, name);
    const array = typeof data === 'number' ? filled(dtype, sizeOf(shape), data) : data;
    t.bytes(9, new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  });
}

function filled(dtype: IrDType, size: number, value: number): Exclude<ConstantData, number> {
  if (dtype === 'int64') return new BigInt64Array(size).fill(BigInt(value));
  const Data = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  return new Data(size).fill(value);
}

/** A tensor's type, its shape left out where nobody shall know it. */
type TensorType = { shape: readonly number[] | undefined; dtype: IrDType };

function writeValueInfo(g: ProtobufWriter, field: number, name: string, info: TensorType): void {
  g.message(field, (v) => v.string(1, name).message(2, (type) => writeTensorType(type, info)));
}

function writeSequenceInfo(g: ProtobufWriter, field: number, name: string, of: ValueInfo): void {
  g.message(field, (v) =>
    v
      .string(1, name)
      .message(2, (type) =>
        type.message(4, (sequence) => sequence.message(1, (element) => writeTensorType(element, of))),
      ),
  );
}

function writeTensorType(type: ProtobufWriter, { shape, dtype }: TensorType): void {
  type.message(1, (tensor) => {
    tensor.int(1, onnxTypes[dtype]);
    if (!shape) return;
    tensor.message(2, (s) => {
      for (const dimension of shape) s.message(1, (d) => d.int(1, dimension));
    });
  });
}
