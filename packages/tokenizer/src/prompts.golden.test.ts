import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Turn } from './conversation-pieces.ts';
import { renderConversation } from './encode-conversation.ts';
import { stripEnd } from './white-space.ts';

/** Reads a file of reference cases from GOLDEN_DIR, where set and there, else from the fixtures. */
function golden<Case>(name: string): Case[] {
  const own = process.env['GOLDEN_DIR'] ? join(process.env['GOLDEN_DIR'], name) : '';
  const path = own && existsSync(own) ? own : new URL(`../fixtures/${name}`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }).cases;
}

interface PromptCase {
  id: string;
  input: {
    builder: string;
    system_prompt: string | null;
    turns: { role: Turn['from']; message: string }[];
    potential: string | null;
  };
  expected: {
    exception?: unknown;
    raw_prompt: string;
    prompt_after_each_turn: string[];
    potential_prompt?: string;
  };
}

const templates = ['pure', 'vicuna'] as const;
type Builder = (typeof templates)[number];
const isOurs = (builder: string): builder is Builder => templates.includes(builder as Builder);

/** prismatic removes a leading BOS text from the whole prompt; we have none. */
const withoutBos = (prompt: string) => prompt.replace(/^<s>/, '');

describe('prismatic prompt builders', () => {
  const cases = golden<PromptCase>('prismatic_prompts.json').filter(({ input }) => isOurs(input.builder));
  const options = ({ builder, system_prompt }: PromptCase['input']) => ({
    template: builder as Builder,
    eos: '</s>',
    // The pure builder takes a system prompt and never writes it; ours refuses one.
    ...(builder === 'vicuna' && system_prompt !== null ? { system: system_prompt } : {}),
  });
  const toTurns = (turns: PromptCase['input']['turns']): Turn[] =>
    // prismatic drops an image mark from answers, ours refuses it.
    turns.map(({ role, message }) => ({
      from: role,
      value: role === 'gpt' ? message.replaceAll('<image>', '') : message,
    }));

  it('has cases of every kind', () => {
    expect(cases.length).toBeGreaterThan(40);
  });

  it.each(cases)('$id', ({ input, expected }) => {
    const turns = toTurns(input.turns);
    const render = (list: Turn[]) => renderConversation(list, options(input));
    if (expected.exception || turns.some(({ from, value }) => from === 'gpt' && value.trim() === '')) {
      // prismatic trains on a lone space for an empty answer; ours has nothing to learn there.
      expect(() => render(turns)).toThrow(/Turn \d+ of \d+/);
      return;
    }
    if (turns.length > 0) expect(render(turns)).toBe(stripEnd(expected.raw_prompt));
    expected.prompt_after_each_turn.forEach((prompt, i) => {
      expect(withoutBos(render(turns.slice(0, i + 1)))).toBe(prompt);
    });
    const { potential } = input;
    // prismatic neither strips a potential question nor removes its image mark.
    if (potential !== null && potential === potential.trim() && turns.length % 2 === 0)
      expect(withoutBos(render([...turns, { from: 'human', value: potential }]))).toBe(expected.potential_prompt);
  });
});

interface EvalCase {
  id: string;
  input: { builder: string; dataset_family: string; question?: string; choices?: string[] };
  expected: { prompt?: string };
}

/** The messages that vlm-evaluation asks with. */
function message({ dataset_family: family, question = '', choices = [] }: EvalCase['input']): string {
  const short = 'Answer the question using a single word or phrase.';
  switch (family) {
    case 'captioning':
      return 'Provide a short image description.';
    case 'vizwiz':
      return `${question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n${short}`;
    case 'vsr':
      return `Based on the image, is this statement "True" or "False"? ${question}\nRespond with "True" or "False" directly.`;
    case 'refcoco':
    case 'ocid-ref':
      return `Please provide the bounding box coordinate of the region this sentence describes: "${question}"`;
    case 'tally-qa':
    case 'ai2d':
      return `${question}\n${choices.map((choice, i) => `${String.fromCharCode(65 + i)}. ${choice}`).join('\n')}\nAnswer with the option's letter from the given choices directly.`;
    case '(get_contrast_caption_chat_prompt_fn)':
      return `Does the following caption match the image? Caption: "${question}"\nRespond with "True" or "False" directly.`;
    default:
      return `${question}\n${short}`;
  }
}

describe('evaluation prompts', () => {
  const cases = golden<EvalCase>('eval_prompts.json').filter(
    ({ input, expected }) => isOurs(input.builder) && expected.prompt !== undefined,
  );

  it('has cases of every family', () => {
    expect(new Set(cases.map(({ input }) => input.dataset_family)).size).toBe(12);
  });

  it.each(cases)('$id', ({ input, expected }) => {
    const turns: Turn[] = [{ from: 'human', value: message(input) }];
    expect(renderConversation(turns, { template: input.builder as Builder })).toBe(expected.prompt);
  });
});
