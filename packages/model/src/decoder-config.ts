import { type LlamaConfig, type LlamaOptions, llamaConfig } from './llama-config.ts';
import { type NeoxConfig, type NeoxOptions, neoxConfig } from './neox-config.ts';
import { type OpenLmConfig, type OpenLmOptions, openLmConfig } from './openlm-config.ts';
import { checkOneOf } from './validate.ts';

/** A decoder, completely: of which family, and how large. */
export type DecoderConfig = OpenLmConfig | LlamaConfig | NeoxConfig;

/** Without a family: OpenLM. */
export type DecoderOptions = OpenLmOptions | LlamaOptions | NeoxOptions;

/**
 * Fills in the family's defaults and checks every field.
 * @throws ModelError INVALID_CONFIG on an unknown, missing or impossible field
 * @example decoderConfig({ dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 })
 * @example decoderConfig({ family: 'llama', dim: 96, layers: 3, heads: 6, keyHeads: 2, hidden: 256, vocabSize: 2048, sequenceLength: 128 })
 */
export function decoderConfig(options: OpenLmOptions): OpenLmConfig;
export function decoderConfig(options: LlamaOptions): LlamaConfig;
export function decoderConfig(options: NeoxOptions): NeoxConfig;
export function decoderConfig(options: DecoderOptions): DecoderConfig;
export function decoderConfig(options: DecoderOptions): DecoderConfig {
  switch (options?.family) {
    case 'llama':
      return llamaConfig(options);
    case 'gpt-neox':
      return neoxConfig(options);
    default:
      checkOneOf('decoder', 'family', options?.family ?? 'openlm', ['openlm', 'llama', 'gpt-neox']);
      return openLmConfig(options);
  }
}
