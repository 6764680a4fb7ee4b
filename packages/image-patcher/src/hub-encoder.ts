// Folders in the layout of the hub's ONNX exports (optimum, transformers.js): config.json, preprocessor_config.json, onnx/….onnx.
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecodeLimits } from './decode-image.ts';
import { hubPreprocessing } from './hub-preprocessing.ts';
import { createEncoder, type OnnxEncoder } from './onnx-encoder.ts';
import type { OutputChoice } from './output-choice.ts';
import { PatcherError } from './patcher-error.ts';
import { patchGrid } from './patchify.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';

/** Options of {@link openHubEncoder}. */
export interface HubEncoderOptions extends DecodeLimits, Omit<OutputChoice, 'inputName'> {
  /** The ONNX file within the folder (`onnx/vision_model_fp16.onnx`); found unless given. */
  file?: string;
  /** Changes to the encoder's own preprocessing: prismatic's letterbox is `{ fit: 'letterbox' }`. */
  preprocessing?: Partial<Preprocessing>;
  /** Images per run; 32 unless given. */
  batchSize?: number;
  /** Threads within an operator; ONNX Runtime's choice unless given. */
  threads?: number;
}

const FILES = ['onnx/vision_model.onnx', 'vision_model.onnx', 'onnx/model.onnx', 'model.onnx'];

/**
 * By `model_type`: tokens before the patches, and what transformers takes where a configuration is silent. A nested configuration is saved as its
 * difference to these defaults: the hub's `siglip-base-patch16-224` names no patch side at all.
 */
interface Kind {
  /** Tokens before the patches but for registers. */
  leading: number;
  /** Side of a patch in pixels. */
  patch: number;
  registers: number;
}
const CLIP: Kind = { leading: 1, patch: 32, registers: 0 };
const SIGLIP: Kind = { leading: 0, patch: 16, registers: 0 };
const KINDS: Readonly<Record<string, Kind>> = {
  clip: CLIP,
  clip_vision_model: CLIP,
  siglip: SIGLIP,
  siglip_vision_model: SIGLIP,
  dinov2: { leading: 1, patch: 14, registers: 0 },
  dinov2_with_registers: { leading: 1, patch: 14, registers: 4 },
  dinov3_vit: { leading: 1, patch: 16, registers: 0 },
  vit: { leading: 1, patch: 16, registers: 0 },
};

/**
 * Opens a frozen encoder from a folder as it lies on the hub: SigLIP, SigLIP 2 (fixed resolution), CLIP, DINOv2 with and without registers, ViT.
 * Preprocessing, patches, CLS and register tokens come from the folder's own configuration, or from transformers' defaults where it is silent. Features are the patches' `last_hidden_state` unless `layer`
 * or `outputName` says otherwise.
 *
 * @param folder holds `config.json`, `preprocessor_config.json` and the ONNX file
 * @throws {PatcherError} `encoder-mismatch` where files are missing, or the model is of another kind or does not give what its configuration says
 *
 * @example
 * const encoder = await openHubEncoder('models/siglip-base-patch16-224', { layer: -2 });
 */
export async function openHubEncoder(folder: string, options: HubEncoderOptions = {}): Promise<OnnxEncoder> {
  const config = await readJson(folder, 'config.json');
  const own = hubPreprocessing(await readJson(folder, 'preprocessor_config.json'));
  const preprocessing = adapt(own, options.preprocessing ?? {});
  const vision = { ...config, ...(config['vision_config'] as Json | undefined) };
  const type = String(config['model_type']);
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (!kind)
    throw mismatch(
      type === 'siglip2'
        ? `${folder}: SigLIP 2 NaFlex takes patches of any shape with a mask; this is not supported. Take a fixed-resolution SigLIP 2.`
        : `${folder}: expected a model of ${Object.keys(KINDS).join(', ')}, got ${type}; use createEncoder.`,
    );
  const path = join(folder, options.file ?? (await findFile(folder)));
  const tokens = kind.leading + Number(vision['num_register_tokens'] ?? kind.registers);
  const patch = Number(vision['patch_size'] ?? kind.patch);
  // Before the session is there: settings that do not fit must not leave one open.
  const grid = patchGrid(resolvePreprocessing(preprocessing), patch, { remainder: 'crop' });
  const pooled = options.layer === undefined && /embeds$|^pooler_output$/.test(options.outputName ?? '');
  const outputName = options.outputName ?? (options.layer === undefined ? 'last_hidden_state' : undefined);
  const { limits, runtime } = passedOn(options);
  const encoder = await createEncoder(path, {
    ...limits,
    ...runtime,
    preprocessing,
    inputName: 'pixel_values',
    ...(outputName !== undefined && { outputName }),
    ...(options.layer !== undefined && { layer: options.layer }),
    skipTokens: pooled ? 0 : tokens,
  });
  const expected = pooled ? 1 : grid.columns * grid.rows;
  if (encoder.patches === expected) return encoder;
  await encoder.dispose();
  throw mismatch(
    `${path}: expected ${expected} features after ${tokens} leading tokens (patches of ${patch}), the output ${outputName ?? `of layer ${options.layer}`} has ${encoder.patches}.`,
  );
}

type Json = Record<string, unknown>;

/** The encoder's own settings with the user's changes; how it crops does not apply to another fit. */
function adapt(own: Preprocessing, changes: Partial<Preprocessing>): Preprocessing {
  if (changes.fit === undefined || changes.fit === own.fit) return { ...own, ...changes };
  const { shortestEdge: _, ...rest } = own;
  return { ...rest, ...changes };
}

function passedOn({ maxPixels, maxBytes, timeoutSeconds, batchSize, threads }: HubEncoderOptions) {
  return {
    limits: {
      ...(maxPixels !== undefined && { maxPixels }),
      ...(maxBytes !== undefined && { maxBytes }),
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    },
    runtime: { ...(batchSize !== undefined && { batchSize }), ...(threads !== undefined && { threads }) },
  };
}

async function findFile(folder: string): Promise<string> {
  for (const file of FILES) {
    const found = await access(join(folder, file)).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  throw mismatch(`${folder}: expected one of ${FILES.join(', ')}, found none; name the file with the option file.`);
}

async function readJson(folder: string, name: string): Promise<Json> {
  const path = join(folder, name);
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('it holds no object');
    return json as Json;
  } catch (cause) {
    throw mismatch(
      `${path}: expected the JSON file that the hub has beside the model: ${(cause as Error).message}.`,
      cause,
    );
  }
}

function mismatch(message: string, cause?: unknown): PatcherError {
  return new PatcherError('encoder-mismatch', message, cause === undefined ? {} : { cause });
}
