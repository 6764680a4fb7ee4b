import { SPECIAL } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/** A piece of a template: text, or a special token of the vocabulary. */
export type TemplatePiece = string | { special: string };

/** How a conversation is written. All pieces but the answers and their ends are context and carry no loss. */
export interface ConversationTemplate {
  name: string;
  /** System message written when none is given. */
  defaultSystem?: string;
  /** Around the system message; absent where the template has no place for one. */
  system?: { open: TemplatePiece[]; close: TemplatePiece[] };
  /** Around a human turn. `close` opens the answer and ends without white space. */
  human: { open: TemplatePiece[]; close: TemplatePiece[] };
  /** Written before an answer's text: part of the answer, so it carries loss. */
  answerLead: string;
  /** Special token that ends an answer. Generation stops here. */
  answerEnd: string;
  /** Between an answer and the next human turn. */
  between: TemplatePiece[];
}

const imStart = { special: '<|im_start|>' };
const imEnd = { special: '<|im_end|>' };

/** The templates by name. */
export const TEMPLATES: {
  readonly pure: ConversationTemplate;
  readonly vicuna: ConversationTemplate;
  readonly chatml: ConversationTemplate;
} = {
  /** `In: …\nOut: …`, for a model that has only seen plain text (prismatic's PurePromptBuilder). */
  pure: {
    name: 'pure',
    human: { open: ['In: '], close: ['\nOut:'] },
    answerLead: ' ',
    answerEnd: SPECIAL.endOfText,
    between: [],
  },
  /** Vicuna 1.5's (prismatic's VicunaV15ChatPromptBuilder). */
  vicuna: {
    name: 'vicuna',
    defaultSystem:
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.",
    system: { open: [], close: [' '] },
    human: { open: ['USER: '], close: [' ASSISTANT:'] },
    answerLead: ' ',
    answerEnd: SPECIAL.endOfText,
    between: [],
  },
  /** ChatML. Its marks are special tokens, so no message can forge one: the vocabulary needs `<|im_start|>` and `<|im_end|>`. */
  chatml: {
    name: 'chatml',
    system: { open: [imStart, 'system\n'], close: [imEnd, '\n'] },
    human: { open: [imStart, 'user\n'], close: [imEnd, '\n', imStart, 'assistant\n'] },
    answerLead: '',
    answerEnd: '<|im_end|>',
    between: ['\n'],
  },
};

export type TemplateName = keyof typeof TEMPLATES;

/** A template by name, or one's own as it is. @throws {TokenizerError} `invalid-argument` */
export function resolveTemplate(template: TemplateName | ConversationTemplate = 'pure'): ConversationTemplate {
  if (typeof template !== 'string') return template;
  if (!Object.hasOwn(TEMPLATES, template))
    throw new TokenizerError(
      'invalid-argument',
      `Unknown template ${JSON.stringify(template)}: expected one of ${Object.keys(TEMPLATES).join(', ')}, or a template object.`,
    );
  return TEMPLATES[template];
}
