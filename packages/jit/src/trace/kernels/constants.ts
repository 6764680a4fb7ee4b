import type { IrDType } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { irDType, type Lowerings } from '../lowering.ts';

function vector(b: GraphBuilder, numbers: readonly number[], dtype: IrDType): number {
  const data = dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers);
  return b.constant(data, [numbers.length], dtype);
}

export const constantLowerings: Lowerings = {
  Fill: (b, { attrs }) => b.constant(Number(attrs['value']), attrs['shape'], irDType(attrs['dtype'] ?? 'float32')),
  ZerosLike: (b, { inputs }) => b.constant(0, b.shape(inputs['x']!), b.dtype(inputs['x']!)),
  OnesLike: (b, { inputs }) => b.constant(1, b.shape(inputs['x']!), b.dtype(inputs['x']!)),
  Range: (b, { attrs }) => {
    const { start, stop } = attrs as { start: number; stop: number };
    // tfjs turns its default step of 1 around by itself, and no other.
    const step = stop < start && attrs['step'] === 1 ? -1 : (attrs['step'] as number);
    const count = Math.max(0, Math.ceil((stop - start) / step));
    return vector(
      b,
      Array.from({ length: count }, (_, i) => start + i * step),
      attrs['dtype'] ?? 'float32',
    );
  },
  LinSpace: (b, { attrs }) => {
    const { start, stop, num } = attrs as { start: number; stop: number; num: number };
    const step = num > 1 ? (stop - start) / (num - 1) : 0;
    return vector(
      b,
      Array.from({ length: num }, (_, i) => start + i * step),
      'float32',
    );
  },
};
