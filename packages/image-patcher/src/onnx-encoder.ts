// Legend: B batch, H W image side (pixels), C = 3 channels, P patches, F features of a patch.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeBatch } from './decode-batch.ts';
import type { DecodeLimits } from './decode-image.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { PatcherError } from './patcher-error.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';

/** Options of {@link createEncoder}. */
export interface EncoderOptions extends DecodeLimits {
  preprocessing: Preprocessing;
  /** Order of the input's dimensions; NCHW (PyTorch's) unless given. */
  layout?: 'NCHW' | 'NHWC';
  /** The image input; the only input unless given. */
  inputName?: string;
  /** The output that holds the features; the first unless given. */
  outputName?: string;
  /** Order of the output's dimensions: `BPF` (or BF: one feature), or a map `BFHW` / `BHWF` whose places become patches row by row. `BPF` unless given. */
  outputLayout?: 'BPF' | 'BFHW' | 'BHWF';
  /** Leading output tokens that are no patches (CLS, registers), left out. */
  skipTokens?: number;
  /** Images per run; a batch size fixed in the graph takes precedence. */
  batchSize?: number;
  /** Threads within an operator; ONNX Runtime's choice unless given. */
  threads?: number;
}

/** A frozen encoder that holds an ONNX Runtime session. */
export interface OnnxEncoder extends ImageEncoder {
  dispose(): Promise<void>;
}

/**
 * A frozen image encoder (SigLIP, DINOv2, one's own …) from an ONNX file with one image input.
 *
 * @param model the file's bytes, or its path
 * @returns features `[P, F]` per image; P and F are found by running one empty image
 * @throws {PatcherError} `encoder-mismatch` when the graph does not take such images or give such features; `invalid-argument`
 *
 * @example
 * const siglip = await createEncoder('siglip-b16-224.onnx', {
 *   preprocessing: { size: 224, fit: 'letterbox', normalisation: 'siglip' },
 *   outputName: 'last_hidden_state',
 * });
 */
export async function createEncoder(model: Uint8Array | string, options: EncoderOptions): Promise<OnnxEncoder> {
  const settings = resolvePreprocessing(options.preprocessing);
  const { layout = 'NCHW', outputLayout = 'BPF', skipTokens = 0, batchSize = 32, threads } = options;
  checkOptions({ layout, outputLayout, skipTokens, batchSize, threads: threads ?? 1 });
  const bytes = typeof model === 'string' ? await readFile(model) : model;
  const session = await openSession(bytes, threads);
  const inputName = options.inputName ?? session.inputNames[0]!;
  const outputName = options.outputName ?? session.outputNames[0]!;
  checkNames(session, inputName, outputName, options.inputName !== undefined);

  const { size } = settings;
  const dims = layout === 'NCHW' ? [3, size, size] : [size, size, 3];
  const fixed = fixedBatch(session, inputName, dims);
  const run = async (images_HWC: readonly Float32Array[], rows: number): Promise<Features> => {
    const length = 3 * size * size;
    const data = new Float32Array(rows * length);
    images_HWC.forEach((pixels_HWC, b) => {
      const place = data.subarray(b * length, (b + 1) * length);
      if (layout === 'NHWC') place.set(pixels_HWC);
      else toPlanes(pixels_HWC, place);
    });
    const input = new Tensor('float32', data, [rows, ...dims]);
    return splitFeatures(await runSession(session, inputName, outputName, input), rows, outputLayout, skipTokens);
  };
  const rows = fixed ?? batchSize;
  const { patches, width } = await run([], fixed ?? 1);
  const identity = { settings, layout, inputName, outputName, outputLayout, skipTokens };
  const hash = createHash('sha256').update(JSON.stringify(identity)).update(bytes);
  let disposed = false;
  return {
    id: `onnx-${hash.digest('hex').slice(0, 32)}`,
    patches,
    width,
    async encode(images, { names } = {}) {
      if (disposed) throw new PatcherError('invalid-argument', 'This encoder was disposed: make a new one.');
      const all: Float32Array[] = [];
      for (let first = 0; first < images.length; first += rows) {
        const batch = images.slice(first, first + rows);
        const pixels = await decodeBatch(batch, settings, options, names, first);
        all.push(...(await run(pixels, fixed ?? batch.length)).features.slice(0, batch.length));
      }
      return all;
    },
    async dispose() {
      if (!disposed) await session.release();
      disposed = true;
    },
  };
}

function mismatch(message: string, cause?: unknown): PatcherError {
  return new PatcherError('encoder-mismatch', message, cause === undefined ? {} : { cause });
}

function checkOptions(options: {
  layout: string;
  outputLayout: string;
  skipTokens: number;
  batchSize: number;
  threads: number;
}): void {
  const { layout, outputLayout, skipTokens, batchSize, threads } = options;
  const fail = (message: string): never => {
    throw new PatcherError('invalid-argument', message);
  };
  if (!['NCHW', 'NHWC'].includes(layout)) fail(`Expected layout to be NCHW or NHWC, got ${layout}.`);
  if (!['BPF', 'BFHW', 'BHWF'].includes(outputLayout))
    fail(`Expected outputLayout to be BPF, BFHW or BHWF, got ${outputLayout}.`);
  if (!Number.isSafeInteger(skipTokens) || skipTokens < 0)
    fail(`Expected skipTokens to be a whole number of at least 0, got ${skipTokens}.`);
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    fail(`Expected batchSize to be a whole number of at least 1, got ${batchSize}.`);
  if (!Number.isSafeInteger(threads) || threads < 1)
    fail(`Expected threads to be a whole number of at least 1, got ${threads}.`);
}

async function openSession(bytes: Uint8Array, threads: number | undefined): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      logSeverityLevel: 4,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    });
  } catch (cause) {
    throw mismatch(`ONNX Runtime cannot load the encoder (${bytes.length} bytes): ${String(cause)}`, cause);
  }
}

function checkNames(session: InferenceSession, inputName: string, outputName: string, inputGiven: boolean): void {
  const { inputNames, outputNames } = session;
  if (!inputNames.includes(inputName) || inputNames.length !== 1)
    throw mismatch(
      `Expected an encoder with one input${inputGiven ? ` called ${inputName}` : ''}, got ${inputNames.join(', ')}.`,
    );
  if (!outputNames.includes(outputName))
    throw mismatch(`Expected an output called ${outputName}, the encoder has ${outputNames.join(', ')}.`);
}

/** The batch size that is fixed in the graph, if one is; checks the other dimensions. */
function fixedBatch(session: InferenceSession, inputName: string, dims: readonly number[]): number | undefined {
  const metadata = session.inputMetadata.find(({ name }) => name === inputName);
  if (metadata === undefined || !metadata.isTensor || metadata.type !== 'float32')
    throw mismatch(`Expected ${inputName} to be a float32 tensor, got ${metadata?.isTensor ? metadata.type : 'none'}.`);
  const { shape } = metadata;
  const fits = shape.length === 4 && dims.every((d, i) => typeof shape[i + 1] !== 'number' || shape[i + 1] === d);
  if (!fits)
    throw mismatch(
      `Expected ${inputName} to take [B, ${dims.join(', ')}], the encoder takes [${shape.join(', ')}]; check size and layout.`,
    );
  return typeof shape[0] === 'number' && shape[0] > 0 ? shape[0] : undefined;
}

async function runSession(
  session: InferenceSession,
  inputName: string,
  outputName: string,
  input: Tensor,
): Promise<Tensor> {
  try {
    const outputs = await session.run({ [inputName]: input }, [outputName]);
    return outputs[outputName]!;
  } catch (cause) {
    throw mismatch(`The encoder fails on images of [${input.dims.join(', ')}]: ${String(cause)}`, cause);
  }
}

/** One batch's features. */
interface Features {
  patches: number;
  width: number;
  /** per row [P, F] */
  features: Float32Array[];
}

function splitFeatures(
  output: Tensor,
  rows: number,
  layout: NonNullable<EncoderOptions['outputLayout']>,
  skip: number,
): Features {
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

/** [rows, columns] to [columns, rows] */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = matrix[r * columns + c]!;
  return out;
}

/** [H, W, 3] to [3, H, W] */
function toPlanes(pixels_HWC: Float32Array, out_CHW: Float32Array): void {
  const plane = pixels_HWC.length / 3;
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) out_CHW[c * plane + i] = pixels_HWC[3 * i + c]!;
}
