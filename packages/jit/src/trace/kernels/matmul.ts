import { backend_util, type Tensor } from '@tensorflow/tfjs-core';
import { broadcastShapes, int, sizeOf, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { JitError } from '../../jit-error.ts';
import { type Lowering, type Lowerings, unsupported } from '../lowering.ts';
import { activation } from './elementwise.ts';

function checkProduct(x: readonly number[], y: readonly number[], transposeX: boolean, transposeY: boolean): void {
  const inner = [x.at(transposeX ? -2 : -1), y.at(transposeY ? -1 : -2)];
  const fits = x.length >= 2 && y.length >= 2 && inner[0] === inner[1];
  if (fits && broadcastShapes(x.slice(0, -2), y.slice(0, -2))) return;
  throw new JitError(
    'invalid-definition',
    `expected matrices whose inner shapes are equal and whose batches broadcast, got [${x}]${transposeX ? 'ᵀ' : ''} and ` +
      `[${y}]${transposeY ? 'ᵀ' : ''}.`,
  );
}

/** [..., m, k] × [..., k, n]; a flag says that the last two axes of an operand are swapped. */
export function matMul(b: GraphBuilder, x: number, y: number, transposeX: boolean, transposeY: boolean): number {
  const [xs, ys] = [b.shape(x), b.shape(y)];
  checkProduct(xs, ys, transposeX, transposeY);
  const [xBatch, yBatch] = [xs.slice(0, -2), ys.slice(0, -2)];
  const batch = broadcastShapes(xBatch, yBatch)!;
  const rows = xs.at(transposeX ? -1 : -2)!;
  const columns = ys.at(transposeY ? -2 : -1)!;
  const out = [...batch, rows, columns];
  const flags = { transA: int(transposeX ? 1 : 0), transB: int(transposeY ? 1 : 0) };
  const dtype = b.dtype(x);
  // Of nothing, Gemm makes NaN.
  if (xs.at(transposeX ? -2 : -1) === 0) return b.constant(0, out, dtype);
  // One matrix on the right serves all rows on the left: a single product.
  if (dtype === 'float32' && sizeOf(yBatch) === 1 && (!transposeX || sizeOf(xBatch) === 1)) {
    const flatX = transposeX ? xs.slice(-2) : [sizeOf(xs) / xs.at(-1)!, xs.at(-1)!];
    const inputs = [b.reshape(x, flatX), b.reshape(y, ys.slice(-2))];
    return b.reshape(b.node('Gemm', inputs, [sizeOf(batch) * rows, columns], 'float32', flags), out);
  }
  const swap = (value: number) => {
    const rank = b.shape(value).length;
    const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2));
    return b.transpose(value, perm);
  };
  return b.node('MatMul', [transposeX ? swap(x) : x, transposeY ? swap(y) : y], out, dtype);
}

/** tfjs allows blanks, and one or two operands. */
const einsum: Lowering = (b, { inputs, attrs }) => {
  const operands = Object.values(inputs);
  const equation = (attrs['equation'] as string).replaceAll(' ', '');
  const { allDims, idDims } = backend_util.decodeEinsumEquation(equation, operands.length);
  const shapes = operands.map((operand) => ({ shape: [...b.shape(operand)] }) as Tensor);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, shapes);
  const [from, to] = equation.split('->') as [string, string];
  const sizes = new Map<string, number>();
  for (const [i, letters] of from.split(',').entries())
    for (const [axis, letter] of [...letters].entries()) sizes.set(letter, b.shape(operands[i]!)[axis]!);
  const shape = [...to].map((letter) => sizes.get(letter)!);
  return b.node('Einsum', operands, shape, b.dtype(operands[0]!), { equation: text(equation) });
};

export const matMulLowerings: Lowerings = {
  Einsum: einsum,
  BatchMatMul: (b, { inputs, attrs }) =>
    matMul(b, inputs['a']!, inputs['b']!, Boolean(attrs['transposeA']), Boolean(attrs['transposeB'])),
  _FusedMatMul: (b, { inputs, attrs, kernel }) => {
    const product = matMul(b, inputs['a']!, inputs['b']!, Boolean(attrs['transposeA']), Boolean(attrs['transposeB']));
    const bias = inputs['bias'];
    const sum = bias === undefined ? product : b.binary('Add', product, bias);
    const name = (attrs['activation'] as string | undefined) ?? 'linear';
    const out = activation(b, name, sum, { alpha: attrs['leakyreluAlpha'], slope: inputs['preluActivationWeights'] });
    if (out === undefined) throw unsupported(kernel, `the activation ${name} is not known.`);
    return out;
  },
};
