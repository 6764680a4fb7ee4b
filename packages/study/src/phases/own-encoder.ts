import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createEncoder, type OnnxEncoder } from '@vlm/image-patcher';
import {
  type ConvEncoderConfig,
  encoderParams,
  type ParameterArrays,
  readSafetensors,
  type VlmConfig,
} from '@vlm/model';
import { ownPreprocessing } from '../data/picture-inputs.ts';
import { StudyError } from '../study-error.ts';
import { encoderWeightsFile, exportEncoder } from './encoder.ts';

/** An encoder that can go on learning as part of a model. */
export interface TrainableEncoder {
  config: ConvEncoderConfig;
  /** Weights by their names in the model, `encoder.…`. */
  params: ParameterArrays;
}

/**
 * The encoder that a finished encoder phase left, its norms folded: what the features of all frozen arms were computed with.
 *
 * @throws StudyError `store-damaged` where a tensor is missing
 */
export async function readOwnEncoder(directory: string): Promise<TrainableEncoder> {
  const path = join(directory, encoderWeightsFile);
  const { tensors, metadata } = readSafetensors(await readFile(path));
  const config = JSON.parse(metadata['config']!) as ConvEncoderConfig;
  const params = Object.keys(encoderParams(config)).map((name) => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof Float32Array))
      throw new StudyError(
        'store-damaged',
        `${path}: expected a float32 tensor ${name}; delete the folder and run again.`,
      );
    return [name, data] as const;
  });
  return { config, params: Object.fromEntries(params) };
}

/** The encoder of a trained model, to look at pictures with. */
export function openOwnEncoder({ encoder }: VlmConfig, params: ParameterArrays, threads: number): Promise<OnnxEncoder> {
  const config = encoder as ConvEncoderConfig;
  return createEncoder(exportEncoder(config, params), {
    preprocessing: ownPreprocessing(config.imageSize),
    layout: 'NHWC',
    threads,
  });
}
