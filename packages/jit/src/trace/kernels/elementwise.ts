import { float } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { irDType, type Lowering, type Lowerings, unsupported } from '../lowering.ts';
import { log1p } from './trigonometry.ts';

const binary =
  (op: string): Lowering =>
  (b, { inputs }) =>
    b.binary(op, inputs['a']!, inputs['b']!);

/** ONNX computes with numbers and orders them only: booleans count as 0 and 1. */
const counted =
  (lower: Lowering): Lowering =>
  (b, call) => {
    const numbers = Object.entries(call.inputs).map(([name, x]) => [
      name,
      b.dtype(x) === 'bool' ? b.cast(x, 'int32') : x,
    ]);
    return lower(b, { ...call, inputs: Object.fromEntries(numbers) });
  };

/** What gives 0 or 1 of zeros and ones is a boolean of booleans. */
const truth =
  (lower: Lowering): Lowering =>
  (b, call) => {
    const isTruth = Object.values(call.inputs).every((x) => b.dtype(x) === 'bool');
    const result = counted(lower)(b, call) as number;
    return isTruth ? b.cast(result, 'bool') : result;
  };

/** ONNX Runtime stops at an integer division by zero, where tfjs gives 0: booleans, half of which are 0, are not divided. */
const divided =
  (lower: Lowering): Lowering =>
  (b, call) => {
    if (b.dtype(call.inputs['a']!) !== 'bool') return lower(b, call);
    throw unsupported(call.kernel, 'booleans are not divided: cast them to float32 or int32 first.');
  };

const compare = (op: string): Lowering => counted((b, { inputs }) => b.binary(op, inputs['a']!, inputs['b']!, 'bool'));

/** Of integers and booleans the answer is known. */
const ofFloats =
  (otherwise: 0 | 1, lower: (b: GraphBuilder, x: number) => number): Lowering =>
  (b, { inputs }) => {
    const x = inputs['x']!;
    return b.dtype(x) === 'float32' ? lower(b, x) : b.constant(otherwise, b.shape(x), 'bool');
  };

const unary =
  (op: string): Lowering =>
  (b, { inputs }) =>
    b.unary(op, inputs['x']!);

/** A function of real numbers: whatever comes in, float32 comes out. */
const real =
  (op: string): Lowering =>
  (b, { inputs }) =>
    b.unary(op, b.cast(inputs['x']!, 'float32'));

/** Whole numbers stay as they are. */
const whole =
  (op: string): Lowering =>
  (b, { inputs }) =>
    b.dtype(inputs['x']!) === 'float32' ? b.unary(op, inputs['x']!) : inputs['x']!;

const constant = (b: GraphBuilder, like: number, value: number) => b.scalar(value, b.dtype(like));

/** Rounds towards minus infinity, as tfjs does; ONNX divides integers towards zero. */
const floorDiv: Lowering = (b, { inputs }) => {
  const [x, y] = [inputs['a']!, inputs['b']!];
  if (b.dtype(x) === 'float32') return b.unary('Floor', b.binary('Div', x, y));
  return b.binary('Div', b.binary('Sub', x, b.binary('Mod', x, y)), y);
};

const mod: Lowering = (b, { inputs }) => {
  const [x, y] = [inputs['a']!, inputs['b']!];
  if (b.dtype(x) !== 'float32') return b.binary('Mod', x, y);
  return b.binary('Sub', x, b.binary('Mul', b.unary('Floor', b.binary('Div', x, y)), y));
};

/** eˣ − 1 without loss for small x: 2t / (1 − t) with t = tanh(x / 2). */
const expm1: Lowering = (b, { inputs }) => {
  const x = b.cast(inputs['x']!, 'float32');
  const t = b.unary('Tanh', b.binary('Mul', x, constant(b, x, 0.5)));
  const small = b.binary('Div', b.binary('Add', t, t), b.binary('Sub', constant(b, x, 1), t));
  const large = b.binary('Sub', b.unary('Exp', x), constant(b, x, 1));
  return b.where(b.binary('Less', b.unary('Abs', x), constant(b, x, 1), 'bool'), small, large);
};

const step: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const positive = b.binary('Greater', x, constant(b, x, 0), 'bool');
  const steps = b.where(positive, constant(b, x, 1), constant(b, x, attrs['alpha'] ?? 0));
  if (b.dtype(x) !== 'float32') return steps;
  return b.where(b.node('IsNaN', [x], b.shape(x), 'bool'), x, steps);
};

const select: Lowering = (b, { inputs }) => b.where(b.cast(inputs['condition']!, 'bool'), inputs['t']!, inputs['e']!);

export function activation(
  b: GraphBuilder,
  name: string,
  x: number,
  options: { alpha?: number | undefined; slope?: number | undefined } = {},
): number | undefined {
  switch (name) {
    case 'linear':
      return x;
    case 'relu':
      return b.unary('Relu', x);
    case 'relu6':
      return b.node('Clip', [x, constant(b, x, 0), constant(b, x, 6)], b.shape(x), b.dtype(x));
    case 'elu':
      return b.unary('Elu', x);
    case 'sigmoid':
      return b.unary('Sigmoid', x);
    case 'leakyrelu':
      return b.unary('LeakyRelu', x, { alpha: float(options.alpha ?? 0.2) });
    case 'prelu':
      return b.node('PRelu', [x, options.slope!], b.shape(x), b.dtype(x));
    default:
      return undefined;
  }
}

const activated =
  (name: string): Lowering =>
  (b, { inputs, attrs }) =>
    activation(b, name, name.startsWith('relu') ? inputs['x']! : b.cast(inputs['x']!, 'float32'), {
      alpha: attrs['alpha'],
      slope: inputs['alpha'],
    })!;

export const elementwiseLowerings: Lowerings = {
  Add: counted(binary('Add')),
  Sub: counted(binary('Sub')),
  Multiply: truth(binary('Mul')),
  RealDiv: divided(binary('Div')),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: truth(binary('Pow')),
  FloorDiv: divided(floorDiv),
  Mod: divided(mod),
  SquaredDifference: truth((b, { inputs }) => {
    const difference = b.binary('Sub', inputs['a']!, inputs['b']!);
    return b.binary('Mul', difference, difference);
  }),
  AddN: counted((b, { inputs }) => Object.values(inputs).reduce((sum, x) => b.binary('Add', sum, x))),
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterOrEqual'),
  Less: compare('Less'),
  LessEqual: compare('LessOrEqual'),
  Equal: compare('Equal'),
  NotEqual: (b, call) => b.unary('Not', compare('Equal')(b, call) as number),
  LogicalAnd: binary('And'),
  LogicalOr: binary('Or'),
  LogicalXor: binary('Xor'),
  LogicalNot: unary('Not'),
  BitwiseAnd: binary('BitwiseAnd'),
  Select: select,
  Abs: truth(unary('Abs')),
  Neg: counted(unary('Neg')),
  // Of NaN, tfjs makes 0.
  Sign: truth((b, { inputs }) => {
    const x = inputs['x']!;
    const sign = b.unary('Sign', x);
    if (b.dtype(x) !== 'float32') return sign;
    return b.where(b.node('IsNaN', [x], b.shape(x), 'bool'), constant(b, x, 0), sign);
  }),
  Exp: real('Exp'),
  Expm1: expm1,
  Log: real('Log'),
  Log1p: (b, { inputs }) => log1p(b, b.cast(inputs['x']!, 'float32')),
  Sqrt: real('Sqrt'),
  Rsqrt: (b, { inputs }) => b.unary('Reciprocal', b.unary('Sqrt', b.cast(inputs['x']!, 'float32'))),
  Reciprocal: real('Reciprocal'),
  Square: truth((b, { inputs }) => b.binary('Mul', inputs['x']!, inputs['x']!)),
  Erf: real('Erf'),
  Sigmoid: real('Sigmoid'),
  Softplus: real('Softplus'),
  Relu: truth(activated('relu')),
  Relu6: truth(activated('relu6')),
  LeakyRelu: activated('leakyrelu'),
  Prelu: activated('prelu'),
  Elu: activated('elu'),
  Selu: real('Selu'),
  EluGrad: (b, { inputs }) => {
    const { dy, y } = inputs as { dy: number; y: number };
    const slope = b.binary('Add', y, constant(b, y, 1));
    return b.where(b.binary('GreaterOrEqual', y, constant(b, y, 0), 'bool'), dy, b.binary('Mul', dy, slope));
  },
  Floor: whole('Floor'),
  Ceil: whole('Ceil'),
  Round: whole('Round'),
  IsNan: ofFloats(0, (b, x) => b.node('IsNaN', [x], b.shape(x), 'bool')),
  IsInf: ofFloats(0, (b, x) => b.node('IsInf', [x], b.shape(x), 'bool')),
  IsFinite: ofFloats(1, (b, x) => {
    const [nan, inf] = ['IsNaN', 'IsInf'].map((op) => b.node(op, [x], b.shape(x), 'bool'));
    return b.unary('Not', b.binary('Or', nan!, inf!));
  }),
  Step: truth(step),
  ClipByValue: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const limits = [constant(b, x, attrs['clipValueMin']), constant(b, x, attrs['clipValueMax'])];
    return b.node('Clip', [x, ...limits], b.shape(x), b.dtype(x));
  },
  // Of what is no number, tfjs makes the integer 0, and ONNX Runtime the least one.
  Cast: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    if (b.dtype(x) !== 'float32' || attrs['dtype'] !== 'int32') return b.cast(x, irDType(attrs['dtype']));
    const [nan, inf] = ['IsNaN', 'IsInf'].map((op) => b.node(op, [x], b.shape(x), 'bool'));
    return b.cast(b.where(b.binary('Or', nan!, inf!), constant(b, x, 0), x), 'int32');
  },
  Identity: (_, { inputs }) => inputs['x']!,
};
