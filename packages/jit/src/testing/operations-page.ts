/** `docs/operations.md`, made from the code that it describes. */
import { compiledKernels, refusedKernels } from '../op-coverage.ts';
import { complexLowerings } from '../trace/kernels/complex.ts';
import { lowerings } from '../trace/kernels/index.ts';

/** What ONNX Runtime's CPU provider (1.30) does otherwise than tfjs, or not at all, and what the lowerings do about it. */
const traps: [operator: string, trap: string, instead: string][] = [
  ['ReduceMax, ReduceMin', 'pass over NaN', 'NaN is looked for and put back'],
  ['ArgMax, ArgMin', 'may point at NaN, refuse bool', 'NaN becomes −∞ or ∞ before; bool becomes int32'],
  ['Sign', 'NaN stays NaN', '0, as in tfjs'],
  ['Cast to int32', 'NaN and infinities become −2³¹', '0, as in tfjs'],
  ['Where', 'no kernel for bool', 'And, Or, Not'],
  ['Gemm', 'no kernel for int32', 'MatMul'],
  ['Gemm over nothing', 'NaN', 'zeros, as in tfjs'],
  ['MaxPool, AveragePool', 'no kernel for int32', 'computed as float32'],
  ['MaxPool', 'indices may point at NaN', 'NaN becomes −∞ where indices are asked for'],
  [
    'MaxPool, AveragePool',
    'refuse padding as wide as the window',
    'Pad with −∞ before; a convolution with ones and a table of counts',
  ],
  ['Pad before AveragePool', 'is fused into padding that is then refused', 'a convolution, which takes any padding'],
  ['Round, Floor, Ceil', 'refuse int32', 'nothing to do'],
  ['Add, Mul, …, Greater, Less, …', 'refuse bool', 'bool becomes int32'],
  ['IsNaN, IsInf', 'refuse int32 and bool', 'the answer is known'],
  ['Div of int32', 'rounds towards zero', 'the remainder is taken off first: rounds down'],
  ['ScatterND', 'wraps negative indices around', 'segments out of range go to a row that is cut off'],
  ['Slice backwards to the start', 'has no index for "before the first"', '−2³¹ stands for it'],
];

/** Where the cpu backend of tfjs 4.22 and the compiled function differ, because the former is taken to be wrong. */
const differences: [operation: string, tfjs: string, here: string][] = [
  ['gradient of floorDiv, and of div of integers', 'that of div', '0'],
  ['gradient of avgPool with padding', 'every window spreads over its whole size', 'over the elements that it holds'],
  ['gradient of mirrorPad', 'leaves out what the mirror adds', 'adds it back'],
  ['gradient of dilated convolutions', 'refused', 'computed when compiled'],
  ['gradient of resizeBilinear', 'ignores halfPixelCenters; mixes up height and width', 'exact'],
  ['argMax, argMin of rows that begin with NaN', '0', 'the place of the largest number'],
  ['tf.image.transform of several images', 'transforms the first', 'transforms all'],
  ['add, sub, neg of booleans', 'booleans that hold 2 or 255', 'int32'],
  ['scatterND of booleans', 'booleans that hold 2', 'whether one was true'],
  ['div, floorDiv, mod of booleans', 'booleans, or int32', 'refused'],
  ['cast to int32 of floats beyond its range', 'wraps around', '−2³¹'],
  ['div, floorDiv, mod of int32 by 0', '0', 'an error of ONNX Runtime'],
  ['matMul, gather, … with values out of range', 'some are checked', 'not known when the graph is made'],
];

function table(head: string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

export function operationsPage(): string {
  const compiled = compiledKernels();
  const refused = refusedKernels();
  const dtypes = (kernel: string) => {
    if (!(kernel in complexLowerings)) return '';
    return kernel in lowerings ? 'complex64 too' : 'complex64';
  };
  const differentiable = compiled.filter(({ hasGradient }) => hasGradient).length;
  return `# Operations

This page is made from the code by \`src/op-coverage.test.ts\`.

Of the ${compiled.length + refused.length} kernels that tfjs-core 4.22 names, ${compiled.length} compile, ${differentiable} of them with a gradient, and ${refused.length} are refused. An operation that is
composed of kernels (\`tf.losses.*\`, \`tf.moments\`, \`tf.signal.stft\`, \`tf.linalg.gramSchmidt\`, …) compiles where its kernels do. Meeting a
kernel that is refused, or differentiating one that has no gradient, is an error that names it and the line that called it.

## What compiles

Kernels without a gradient are the backward of another, have none in tfjs either, or compute with complex numbers, through which tfjs's tape does
not differentiate.

${table(
  ['kernel', 'gradient', 'dtypes'],
  compiled.map(({ kernel, hasGradient }) => [`\`${kernel}\``, hasGradient ? 'yes' : '', dtypes(kernel)]),
)}

## What is refused

${table(
  ['kernel', 'reason'],
  refused.map(({ kernel, reason }) => [`\`${kernel}\``, reason]),
)}

So are, whichever operation meets them: random numbers (\`tf.random*\`, \`tf.dropout\`, \`Math.random\`), which would be frozen into the graph; reading a
tensor (\`dataSync\`, \`data\`, \`arraySync\`, \`array\`, \`print\`, \`whereAsync\`, \`booleanMaskAsync\`), which has no value yet; making or assigning a
\`tf.Variable\`; strings.

## Traps of the provider

${table(['operator', 'ONNX Runtime, CPU', 'what the lowering does'], traps)}

## Where tfjs differs

${table(['operation', 'tfjs, cpu', 'compiled'], differences)}
`;
}
