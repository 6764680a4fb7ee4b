import type { FusedOpSpec } from '../fused-op.ts';
import { ABSENT, type AttributeValue } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';
import { scatterAdd } from './scatter-add.ts';

/** ONNX attributes that are FLOAT even where the number is whole. */
const floatAttributes = new Set(
  'alpha beta gamma epsilon scale softcap lambd bias momentum norm_coefficient spatial_scale cubic_coeff_a'.split(' '),
);

/** Appends the node that `fusedOp` describes; returns the values of the outputs that were asked for. */
export function fusedNode(b: GraphBuilder, spec: FusedOpSpec, inputs: readonly (number | null)[]): number[] {
  if (spec.op === 'ScatterND' && !spec.domain && spec.attributes?.['reduction'] === 'add') {
    const [base, indices, updates] = inputs as [number, number, number];
    if (b.shape(indices).length > 1) return [scatterAdd(b, base, indices, updates)];
  }
  const attributes = Object.fromEntries(
    Object.entries(spec.attributes ?? {}).map(([name, value]) => [name, attributeValue(spec.op, name, value)]),
  );
  const operands = inputs.map((input, i) => {
    if (input === null) return ABSENT;
    return spec.int64Inputs?.includes(i) ? b.cast(input, 'int64') : input;
  });
  const outputs = spec.outputs.map((info) => (info === null ? ABSENT : b.value(info)));
  // ONNX says absence at the end by a shorter list; ONNX Runtime may crash on empty names there.
  for (const list of [operands, outputs]) while (list.at(-1) === ABSENT) list.pop();
  b.graph.nodes.push({ op: spec.op, domain: spec.domain ?? '', inputs: operands, outputs, attributes });
  return outputs.filter((output) => output !== ABSENT);
}

function attributeValue(op: string, name: string, value: unknown): AttributeValue {
  const all = (type: string) => Array.isArray(value) && value.every((item) => typeof item === type);
  const isFloat = floatAttributes.has(name);
  if (typeof value === 'number') return { type: isFloat || !Number.isInteger(value) ? 'float' : 'int', value };
  if (typeof value === 'boolean') return { type: 'int', value: value ? 1 : 0 };
  if (typeof value === 'string') return { type: 'string', value };
  if (all('number')) {
    const numbers = value as number[];
    return { type: isFloat || !numbers.every(Number.isInteger) ? 'floats' : 'ints', value: numbers };
  }
  if (all('string')) return { type: 'strings', value: value as string[] };
  if (value !== null && typeof value === 'object' && Object.keys(value).length === 1) {
    const [type, inner] = Object.entries(value)[0]!;
    if ((type === 'int' || type === 'float') && typeof inner === 'number') return { type, value: inner };
    if ((type === 'ints' || type === 'floats') && Array.isArray(inner)) return { type, value: inner as number[] };
  }
  throw new JitError(
    'invalid-definition',
    `fusedOp ${op}: expected the attribute ${name} to be a number, boolean, string, array of numbers or strings, or one of ` +
      `{ int }, { float }, { ints }, { floats }, got ${JSON.stringify(value)}.`,
  );
}
