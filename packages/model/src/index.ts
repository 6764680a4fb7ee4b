export { encoderMoments } from './conv-encoder.ts';
export { countDecoderParameters, countParameters, decoderFlops, encoderFlops, trainingMemory } from './counts.ts';
export {
  type Attend,
  causalAttend,
  decoderHidden,
  decoderLogits,
  decoderParams,
  embedTokens,
  headWeight,
  withinItemAttend,
} from './decoder.ts';
export {
  type DecoderConfig,
  type DecoderOptions,
  type DecoderSize,
  decoderConfig,
  decoderSize,
  decoderSizes,
  swigluHidden,
} from './decoder-config.ts';
export { encodeImages, encoderParams, patchify } from './encoder.ts';
export {
  type ConvEncoderConfig,
  type EncoderConfig,
  type EncoderHead,
  type EncoderOptions,
  encoderConfig,
  encoderHeads,
  encoderShape,
  type PatchesEncoderConfig,
  type VitEncoderConfig,
} from './encoder-config.ts';
export { encoderBatch, encoderHeadParams, encoderLoss, encoderPredictions } from './encoder-loss.ts';
export { foldEncoder, pooledMoments } from './fold-encoder.ts';
export {
  createGenerator,
  type GenerateOptions,
  type Generator,
  type GeneratorOptions,
  type ScoreRequest,
} from './generate.ts';
export { initParameters } from './init.ts';
export { ModelError, type ModelErrorCode } from './model-error.ts';
export {
  checkParameters,
  type ParameterArrays,
  type ParameterInit,
  type ParameterSpec,
  type ParameterSpecs,
} from './parameters.ts';
export { type ProjectorConfig, project, projectorConfig, projectorParams } from './projector.ts';
export type { Prompt } from './prompt-batches.ts';
export { createRandom, type Random, type RandomState } from './random.ts';
export { readSafetensors, type SafetensorsFile, type SafetensorsTensor, writeSafetensors } from './safetensors.ts';
export {
  parseSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.ts';
export { inputEmbeddings, type VlmConfig, type VlmOptions, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';
