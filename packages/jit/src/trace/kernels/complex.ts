/**
 * complex64 tensors. In the graph one is a float32 value with a last axis of two, the real and the imaginary part: the layout of ONNX's DFT
 * and of tfjs's own arrays. The parts of a value made from parts are remembered, so that taking it apart again costs nothing.
 */
import { int } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';

type Parts = [real: number, imaginary: number];
/** What a lowering on complex numbers returns: `complex` values have the extra axis. */
export type ComplexResult = { complex: number | number[] } | { real: number };
export type ComplexLowering = (b: GraphBuilder, call: KernelCall, plain: Lowerings) => ComplexResult;

const remembered = new WeakMap<GraphBuilder, Map<number, Parts>>();

function join(b: GraphBuilder, parts: Parts): number {
  const shape = b.shape(parts[0]);
  const wide = parts.map((part) => b.reshape(b.cast(part, 'float32'), [...shape, 1]));
  const value = b.node('Concat', wide, [...shape, 2], 'float32', { axis: int(shape.length) });
  const known = remembered.get(b) ?? new Map<number, Parts>();
  remembered.set(b, known.set(value, parts));
  return value;
}

function partsOf(b: GraphBuilder, value: number): Parts {
  const known = remembered.get(b)?.get(value);
  if (known) return known;
  const shape = b.shape(value);
  const axis = shape.length - 1;
  const part = (i: number) =>
    b.reshape(b.slice(value, [i], [i + 1], [axis], [1], shape.with(axis, 1)), shape.slice(0, -1));
  return [part(0), part(1)];
}

/** Kernels that are linear in their tensors, so that each part goes through the ordinary lowering. */
const partwise = (b: GraphBuilder, call: KernelCall, lower: Lowering): ComplexResult => {
  const sides = [0, 1].map((side) => {
    const inputs = Object.entries(call.inputs).map(([name, value]) => {
      return [name, call.complexInputs?.has(name) ? partsOf(b, value)[side]! : value] as const;
    });
    return lower(b, { ...call, inputs: Object.fromEntries(inputs) });
  });
  const [real, imaginary] = sides.map((side) => [side].flat()) as [number[], number[]];
  const joined = real.map((part, i) => join(b, [part, imaginary[i]!]));
  return { complex: Array.isArray(sides[0]) ? joined : joined[0]! };
};

const linear = (
  'Add Sub Neg Identity Reshape ExpandDims Transpose Slice StridedSlice Concat Pack Unpack SplitV Tile Reverse GatherV2 PadV2 ' +
  'BroadcastTo Sum Mean ZerosLike SpaceToBatchND BatchToSpaceND Select GatherNd'
).split(' ');

const fourier =
  (isInverse: boolean): ComplexLowering =>
  (b, { inputs }) => {
    const x = inputs['input']!;
    const axis = b.constant(BigInt64Array.of(BigInt(b.shape(x).length - 2)), [], 'int64');
    return { complex: b.node('DFT', [x, -1, axis], b.shape(x), 'float32', { inverse: int(isInverse ? 1 : 0) }) };
  };

export const complexLowerings: Record<string, ComplexLowering> = {
  ...Object.fromEntries(
    linear.map(
      (kernel) => [kernel, (b, call, plain) => partwise(b, call, plain[kernel]!)] as [string, ComplexLowering],
    ),
  ),
  Complex: (b, { inputs }) => ({ complex: join(b, [inputs['real']!, inputs['imag']!]) }),
  Real: (b, { inputs }) => ({ real: partsOf(b, inputs['input']!)[0] }),
  Imag: (b, { inputs }) => ({ real: partsOf(b, inputs['input']!)[1] }),
  // Scaled by the larger part, so that squares neither overflow nor vanish.
  ComplexAbs: (b, { inputs }) => {
    const [re, im] = partsOf(b, inputs['x']!).map((part) => b.unary('Abs', part)) as Parts;
    const large = b.binary('Max', re, im);
    const small = b.binary('Min', re, im);
    const isZero = b.binary('Equal', large, b.scalar(0, 'float32'), 'bool');
    const ratio = b.binary('Div', small, b.where(isZero, b.scalar(1, 'float32'), large));
    const root = b.unary('Sqrt', b.binary('Add', b.binary('Mul', ratio, ratio), b.scalar(1, 'float32')));
    return { real: b.binary('Mul', large, root) };
  },
  Multiply: (b, { inputs }) => {
    const [[p, q], [r, s]] = [partsOf(b, inputs['a']!), partsOf(b, inputs['b']!)];
    const product = (x: number, y: number) => b.binary('Mul', x, y);
    const real = b.binary('Sub', product(p, r), product(q, s));
    return { complex: join(b, [real, b.binary('Add', product(p, s), product(q, r))]) };
  },
  Cast: (b, { inputs, attrs, complexInputs }) => {
    const x = inputs['x']!;
    if (attrs['dtype'] !== 'complex64') return { real: b.cast(partsOf(b, x)[0], attrs['dtype']) };
    if (complexInputs?.has('x')) return { complex: x };
    const real = b.cast(x, 'float32');
    return { complex: join(b, [real, b.constant(0, b.shape(real), 'float32')]) };
  },
  OnesLike: (b, { inputs }) => {
    const shape = b.shape(inputs['x']!).slice(0, -1);
    return { complex: join(b, [b.constant(1, shape, 'float32'), b.constant(0, shape, 'float32')]) };
  },
  FFT: fourier(false),
  IFFT: fourier(true),
};
