// Legend: B batch, P patches, F features of a patch.
import type { Tensor } from 'onnxruntime-node';
import { PatcherError } from './patcher-error.ts';

/** One batch's features. */
export interface Features {
  patches: number;
  width: number;
  /** per row [P, F] */
  features: Float32Array[];
}

/** An encoder's output as features per image. @throws {PatcherError} `encoder-mismatch` */
export function splitFeatures(output: Tensor, rows: number, layout: 'BPF' | 'BFHW' | 'BHWF', skip: number): Features {
  const { dims, data } = output;
  const rank = layout === 'BPF' ? [2, 3] : [4];
  if (!(data instanceof Float32Array) || !rank.includes(dims.length) || dims[0] !== rows)
    throw mismatch(
      `Expected features as float32 ${layout} for ${rows} images, the encoder gives ${output.type} [${dims.join(', ')}]; set outputName or outputLayout.`,
    );
  const width = layout === 'BFHW' ? dims[1]! : dims.at(-1)!;
  const tokens = data.length / rows / width;
  const patches = tokens - skip;
  if (patches < 1) throw mismatch(`Expected more than skipTokens = ${skip} features per image, got ${tokens}.`);
  const features = Array.from({ length: rows }, (_, b) => {
    const row = data.subarray(b * tokens * width, (b + 1) * tokens * width);
    return (layout === 'BFHW' ? transpose(row, width, tokens) : row).slice(skip * width);
  });
  return { patches, width, features };
}

const mismatch = (message: string): PatcherError => new PatcherError('encoder-mismatch', message);

/** [rows, columns] to [columns, rows] */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = matrix[r * columns + c]!;
  return out;
}
