export type { ConversationLayout, Turn } from './conversation-pieces.ts';
export { createTokenizer, type Tokenizer } from './create-tokenizer.ts';
export {
  answerEnd,
  answerTokens,
  type ConversationOptions,
  conversationPrompt,
  encodeConversation,
  renderConversation,
} from './encode-conversation.ts';
export { captionPrompt, encodeCaption, encodeDocument } from './encode-items.ts';
export type { EncodedItem } from './encoded-item.ts';
export { createEncoderPool, type EncoderPool, type EncoderPoolOptions } from './encoder-pool.ts';
export { type FromHuggingFaceOptions, fromHuggingFace } from './from-hugging-face.ts';
export { GPT_PATTERN } from './pattern.ts';
export { STOCK_ENCODINGS, type StockEncoding, stockEncoding } from './stock-encodings.ts';
export { type ConversationTemplate, TEMPLATES, type TemplateName, type TemplatePiece } from './templates.ts';
export { fromTiktokenText, toTiktokenText } from './tiktoken-ranks.ts';
export { toHuggingFace } from './to-hugging-face.ts';
export {
  parseTokenizer,
  SPECIAL,
  SPECIAL_TOKENS,
  stringifyTokenizer,
  type TokenizerData,
} from './tokenizer-data.ts';
export { TokenizerError, type TokenizerErrorCode } from './tokenizer-error.ts';
export { type TrainBpeOptions, trainBpe } from './train-bpe.ts';
