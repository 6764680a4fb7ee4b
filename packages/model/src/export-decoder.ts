/**
 * A trained decoder as two ONNX files that a browser runs (`onnxruntime-web`, on WebAssembly or WebGPU): `prefill` reads a prompt,
 * `decode` one token more. The cache of keys and values goes from one call's outputs to the next call's inputs, untouched by the caller.
 *
 * Legend: B rows, T positions of the prompt, S slots of the cache, V vocabulary.
 */
import * as tf from '@tensorflow/tfjs-core';
import { exportOnnx, type NamedTensors, type Signature } from '@vlm/jit';
import { hiddenScore } from './attend.ts';
import { decodeSignature, decodeStep, type NextOutput, prefill, prefillSignature } from './cached-decoding.ts';
import { ModelError } from './model-error.ts';
import { checkParameters, need, type ParameterArrays } from './parameters.ts';
import { checkInteger } from './validate.ts';
import { needProjector, type VlmConfig, vlmParams } from './vlm.ts';

export interface ExportDecoderOptions {
  config: VlmConfig;
  /** Trained weights, by the names of `vlmParams(config)`. */
  params: ParameterArrays;
  /** Rows that run together. Default 1. */
  batchSize?: number;
  /** Positions that a prompt is padded to on the right, at most `slots`. */
  promptLength: number;
  /** Positions of a prompt and what is generated behind it. Default: the decoder's sequence length. */
  slots?: number;
  /** Rows of `patches_NF`, for prompts with images. Default 0: text alone. */
  patches?: number;
  /** Only ids below this are chosen (the tokenizer's size). Default: the decoder's vocabulary. */
  allowedVocab?: number;
  /** Default `token`: the files choose the best token; `logits`: they give `logits_BV` (not allowed ids very negative) to draw from. */
  next?: NextOutput;
}

export interface ExportedDecoder {
  /**
   * Inputs `tokens_BT` int32 [B, T], `last_B` int32 [B] (row · T + place of the prompt's last token), and with images `slots_BT` int32 [B, T]
   * and `patches_NF` float32. Outputs `next_B` int32 [B], the best token after each prompt (or `logits_BV`), and the cache `present_*`.
   */
  prefill: Uint8Array;
  /**
   * Inputs `token_B1` int32 [B, 1] (the token chosen before), `position_B1` int32 [B, 1] (its place in its row, from 0) and the cache as
   * `past_*`. Outputs as those of `prefill`.
   */
  decode: Uint8Array;
}

/**
 * Each file holds the weights. Shapes are fixed: export once for each batch size and length that is served.
 * @throws ModelError where parameters or lengths do not fit the configuration
 * @example
 * const { prefill, decode } = exportDecoder({ config, params, promptLength: 32 });
 * await writeFile('prefill.onnx', prefill);
 */
export function exportDecoder(options: ExportDecoderOptions): ExportedDecoder {
  const { config, params, promptLength, batchSize = 1, patches = 0, next = 'token' } = options;
  const { vocabSize, sequenceLength } = config.decoder;
  const { slots = sequenceLength, allowedVocab = vocabSize } = options;
  const integers = { batchSize, promptLength, slots, allowedVocab };
  for (const [name, value] of Object.entries(integers)) checkInteger('exportDecoder', name, value);
  const limits: [string, number, number][] = [
    ['promptLength', promptLength, slots],
    ['slots', slots, sequenceLength],
    ['allowedVocab', allowedVocab, vocabSize],
  ];
  for (const [name, value, most] of limits) {
    if (value <= most) continue;
    throw new ModelError('INVALID_INPUT', `exportDecoder: expected ${name} to be at most ${most}, got ${value}.`);
  }
  if (patches > 0) needProjector(config);
  checkParameters(vlmParams(config), params);
  const isAllowed = () => tf.tensor1d(new Float32Array(vocabSize).fill(hiddenScore, allowedVocab));

  const prefillInputs = without(
    prefillSignature(config, { batch: batchSize, length: promptLength, patches }),
    'bias_V',
  );
  const decodeInputs = without(decodeSignature(config.decoder, batchSize, slots), 'bias_V', 'mask_B1S');
  return {
    prefill: write(prefillInputs, (constants, inputs) => {
      const outputs = prefill(config, constants, { ...inputs, bias_V: isAllowed() }, next);
      return asPresent(outputs, (cache_BTK) => growTo(slots, cache_BTK));
    }),
    decode: write(renamed(decodeInputs, 'past'), (constants, inputs) => {
      const read = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name.replace(/^past_/, ''), x]));
      const slot_S = tf.range(0, slots, 1, 'int32');
      const position_B1 = need(read, 'position_B1');
      const isFilled_BS = tf.less(tf.expandDims(slot_S, 0), position_B1);
      const seen_BS = tf.mul(tf.sub(1, tf.cast(isFilled_BS, 'float32')), hiddenScore);
      const mask_B1S = tf.expandDims(tf.concat([seen_BS, tf.zeros([batchSize, 1])], 1), 1);
      const outputs = decodeStep(config.decoder, constants, { ...read, mask_B1S, bias_V: isAllowed() }, next);
      const isHere_BS1 = tf.expandDims(tf.equal(tf.expandDims(slot_S, 0), position_B1), -1);
      return asPresent(outputs, (new_B1K, name) => tf.where(isHere_BS1, new_B1K, need(read, name)));
    }),
  };

  function write(inputs: Signature, fn: (constants: NamedTensors, inputs: NamedTensors) => NamedTensors): Uint8Array {
    const used = Object.entries(vlmParams(config)).filter(
      ([name]) => 'patches_NF' in inputs || !name.startsWith('projector.'),
    );
    const constants = Object.fromEntries(
      used.map(([name, { shape, dtype }]) => [name, { spec: { shape, dtype }, data: params[name]! }]),
    );
    return exportOnnx(fn, { constants, inputs });
  }
}

/** A cache with zeros behind its last position. */
const growTo = (slots: number, cache_BTK: tf.Tensor): tf.Tensor => {
  const missing = slots - cache_BTK.shape[1]!;
  return tf.pad(cache_BTK, [
    [0, 0],
    [0, missing],
    [0, 0],
  ]);
};

const cacheName = /^([kv]\d+)_B[TS]K$/;

/** Outputs with the arrays of the cache grown to all slots and called `present_…`. */
function asPresent(outputs: NamedTensors, grow: (cache: tf.Tensor, name: string) => tf.Tensor): NamedTensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      const cache = cacheName.exec(name)?.[1];
      return cache ? [`present_${cache}_BSK`, grow(tensor, `${cache}_BSK`)] : [name, tensor];
    }),
  );
}

const renamed = (signature: Signature, prefix: string): Signature =>
  Object.fromEntries(
    Object.entries(signature).map(([name, spec]) => [cacheName.test(name) ? `${prefix}_${name}` : name, spec]),
  );

const without = (signature: Signature, ...names: string[]): Signature =>
  Object.fromEntries(Object.entries(signature).filter(([name]) => !names.includes(name)));
