// Legend: B batch, H W image height and width (pixels), C = 3 channels, P patches, F features of a patch.
import { createHash } from 'node:crypto';
import { Tensor } from 'onnxruntime-node';
import { decodeBatch } from './decode-batch.ts';
import { type DecodeLimits, normalisationTable, resolveLimits } from './decode-image.ts';
import { splitFeatures } from './encoder-output.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { type OnnxModel, openOnnxModel } from './onnx-session.ts';
import type { OutputChoice } from './output-choice.ts';
import { PatcherError } from './patcher-error.ts';
import { normaliseRun } from './patchify.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';

/** Options of {@link createEncoder}. */
export interface EncoderOptions extends DecodeLimits, OutputChoice {
  preprocessing: Preprocessing;
  /** Order of the input's dimensions; NCHW (PyTorch's) unless given. */
  layout?: 'NCHW' | 'NHWC';
  /** Order of the output's dimensions: `BPF` (or BF: one feature), or a map `BFHW` / `BHWF` whose places become patches row by row. `BPF` unless given. */
  outputLayout?: 'BPF' | 'BFHW' | 'BHWF';
  /** Leading output tokens that are no patches (CLS, registers), left out. */
  skipTokens?: number;
  /** Images per run; 32 unless given; a batch size fixed in the graph takes precedence. */
  batchSize?: number;
  /** Threads within an operator; ONNX Runtime's choice unless given. */
  threads?: number;
}

/** A frozen encoder that holds an ONNX Runtime session. */
export interface OnnxEncoder extends ImageEncoder {
  dispose(): Promise<void>;
}

/**
 * A frozen image encoder (SigLIP, DINOv2, one's own …) from an ONNX file with an image input. Folders in the layout of the hub's exports are opened by
 * `openHubEncoder`, which finds these settings by itself.
 *
 * @param model the file's path, or its bytes (a model with weights in files beside it needs the path)
 * @returns features `[P, F]` per image; P and F are found by running one empty image
 * @throws {PatcherError} `encoder-mismatch` when the graph does not take such images or give such features; `invalid-argument`
 *
 * @example
 * const siglip = await createEncoder('siglip-b16-224.onnx', {
 *   preprocessing: { size: 224, fit: 'letterbox', normalisation: 'siglip' },
 *   layer: -2,
 * });
 */
export async function createEncoder(model: Uint8Array | string, options: EncoderOptions): Promise<OnnxEncoder> {
  const settings = resolvePreprocessing(options.preprocessing);
  const limits = resolveLimits(options);
  const { layout = 'NCHW', outputLayout = 'BPF', skipTokens = 0, batchSize = 32, threads } = options;
  checkOptions({ layout, outputLayout, skipTokens, batchSize, threads: threads ?? 1 });
  const opened = await openOnnxModel(model, options, threads);
  try {
    return await encoderOf(opened);
  } catch (error) {
    await opened.session.release();
    throw error;
  }

  async function encoderOf({ session, inputName, outputName, weightsHash }: OnnxModel): Promise<OnnxEncoder> {
    const { width: w, height: h } = settings;
    const dims = layout === 'NCHW' ? [3, h, w] : [h, w, 3];
    const fixed = fixedBatch({ session, inputName }, dims);
    const rows = fixed ?? batchSize;
    const table = normalisationTable(settings);
    const put = layout === 'NCHW' ? putPlanes : putPixels;
    const run = async (images_HWC: readonly Uint8Array[], count: number) => {
      const length = 3 * h * w;
      const data = new Float32Array(count * length);
      images_HWC.forEach((rgb_HWC, b) => {
        put(rgb_HWC, table, data, b * length);
      });
      const input = new Tensor('float32', data, [count, ...dims]);
      const output = await runSession({ session, inputName, outputName }, input);
      return splitFeatures(output, count, outputLayout, skipTokens);
    };
    const { patches, width } = await run([], fixed ?? 1);
    const identity = { settings, layout, inputName, outputName, outputLayout, skipTokens };
    const hash = createHash('sha256').update(JSON.stringify(identity)).update(weightsHash);
    let disposed = false;
    return {
      id: `onnx-${hash.digest('hex').slice(0, 32)}`,
      patches,
      width,
      async encode(images, { names, onBroken } = {}) {
        if (disposed) throw new PatcherError('invalid-argument', 'This encoder was disposed: make a new one.');
        const decode = (first: number) =>
          decodeBatch(
            images,
            [first, Math.min(first + rows, images.length)],
            settings,
            { limits, names, onBroken },
            (rgb_HWC) => rgb_HWC,
          );
        const all: (Float32Array | undefined)[] = [];
        let coming = decode(0);
        for (let first = 0; first < images.length; first += rows) {
          const decoded = await coming;
          // The next images are decoded while this batch runs.
          coming = decode(Math.min(first + rows, images.length));
          coming.catch(() => {}); // reported when it is awaited
          const whole = decoded.filter((rgb) => rgb !== undefined);
          const features = whole.length > 0 ? (await run(whole, fixed ?? whole.length)).features : [];
          let next = 0;
          for (const rgb of decoded) all.push(rgb && features[next++]);
        }
        return all;
      },
      async dispose() {
        if (!disposed) await session.release();
        disposed = true;
      },
    };
  }
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

type Port = Pick<OnnxModel, 'session' | 'inputName'>;

/** The batch size that is fixed in the graph, if one is; checks the other dimensions. */
function fixedBatch({ session, inputName }: Port, dims: readonly number[]): number | undefined {
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

async function runSession({ session, inputName, outputName }: Port & { outputName: string }, input: Tensor) {
  try {
    const outputs = await session.run({ [inputName]: input }, [outputName]);
    return outputs[outputName]!;
  } catch (cause) {
    throw mismatch(`The encoder fails on images of [${input.dims.join(', ')}]: ${String(cause)}`, cause);
  }
}

function mismatch(message: string, cause?: unknown): PatcherError {
  return new PatcherError('encoder-mismatch', message, cause === undefined ? {} : { cause });
}

/** [H, W, 3] bytes, normalised, to [H, W, 3] */
function putPixels(rgb_HWC: Uint8Array, table: Float32Array, out: Float32Array, to: number): void {
  normaliseRun(rgb_HWC, 0, out, to, rgb_HWC.length, table);
}

/** [H, W, 3] bytes, normalised, to [3, H, W] */
function putPlanes(rgb_HWC: Uint8Array, table: Float32Array, out: Float32Array, to: number): void {
  const plane = rgb_HWC.length / 3;
  for (let i = 0, p = to; i < rgb_HWC.length; i += 3, p++) {
    out[p] = table[rgb_HWC[i]!]!;
    out[p + plane] = table[256 + rgb_HWC[i + 1]!]!;
    out[p + 2 * plane] = table[512 + rgb_HWC[i + 2]!]!;
  }
}
