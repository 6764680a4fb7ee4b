export { type Attend, causalAttend, withinItemAttend } from './attend.ts';
export { encoderMoments } from './conv-encoder.ts';
export {
  countDecoderParameters,
  countParameters,
  decoderFlops,
  encoderActivations,
  encoderFlops,
  trainingMemory,
} from './counts.ts';
export { decoderHidden, decoderLogits, decoderParams, decoderTables, embedTokens, headWeight } from './decoder.ts';
export { type DecoderConfig, type DecoderOptions, decoderConfig } from './decoder-config.ts';
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
export { type ExportDecoderOptions, type ExportedDecoder, exportDecoder } from './export-decoder.ts';
export { foldEncoder, pooledMoments } from './fold-encoder.ts';
export {
  createGenerator,
  type GeneratedToken,
  type GenerateOptions,
  type Generator,
  type GeneratorOptions,
  type ScoreRequest,
} from './generate.ts';
export {
  type HuggingFaceLayout,
  type HuggingFaceModel,
  readHuggingFace,
  writeHuggingFace,
} from './hugging-face.ts';
export { huggingFaceConfig, huggingFaceDecoder, huggingFaceModelTypes } from './hugging-face-config.ts';
export { initParameters } from './init.ts';
export type { LlamaConfig, LlamaOptions } from './llama-config.ts';
export { ModelError, type ModelErrorCode } from './model-error.ts';
export type { NeoxConfig, NeoxOptions } from './neox-config.ts';
export {
  type DecoderSize,
  decoderSize,
  decoderSizes,
  type OpenLmConfig,
  type OpenLmOptions,
  swigluHidden,
} from './openlm-config.ts';
export { checkOpenLmGolden, type OpenLmGoldenReport } from './openlm-golden.ts';
export { type ParameterGroup, type ParameterPart, type PartSettings, parameterGroups } from './parameter-groups.ts';
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
export type { RotaryScaling } from './rotary-scaling.ts';
export {
  readSafetensors,
  type SafetensorsFile,
  type SafetensorsInput,
  type SafetensorsTensor,
  writeSafetensors,
} from './safetensors.ts';
export { openSafetensors, type SafetensorsReader, writeSafetensorsFile } from './safetensors-file.ts';
export {
  parseSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors-header.ts';
export type { SamplingOptions } from './sample-token.ts';
export { inputEmbeddings, type VlmConfig, type VlmOptions, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';
