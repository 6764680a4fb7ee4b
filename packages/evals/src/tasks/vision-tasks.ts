import { EvalsError } from '../errors.ts';
import type { VisionTarget } from '../types.ts';
import type { Scoring } from './score-outputs.ts';

/** What a task's name says about how it is asked and scored. */
export interface VisionTaskInfo {
  name: string;
  /** The paper's task that it is the twin of. */
  twin?: string;
  /** The primary score, 0 to 1. */
  metric: string;
  maxNewTokens: number;
  /** How its answers are scored where nothing else is asked for. */
  scoring: Scoring;
}

/** Per kind of target: the metric, and room for the answer at about two characters a token. */
const byKind: Readonly<Record<VisionTarget['kind'], Omit<VisionTaskInfo, 'name' | 'scoring'>>> = {
  answers: { metric: 'VQA accuracy', maxNewTokens: 12 },
  'yes-no': { metric: 'accuracy of the likelier of yes and no', maxNewTokens: 4 },
  choice: { metric: 'accuracy of the likeliest option', maxNewTokens: 4 },
  box: { metric: 'IoU ≥ 0.5', maxNewTokens: 32 },
  caption: { metric: 'object F1', maxNewTokens: 64 },
};

const twins: Readonly<Record<string, string>> = {
  'open-vqa': 'VQAv2',
  relations: 'GQA',
  reading: 'TextVQA',
  existence: 'POPE',
  grounding: 'RefCOCO',
  counting: 'TallyQA',
  captioning: 'NoCaps',
  'cluttered-grounding': 'OCID-Ref',
};

/** Where a task of the default corpus is scored as its twin is and not as others of its kind. */
const byTask: Readonly<Record<string, { metric: string; scoring: Scoring }>> = {
  counting: { metric: 'exact match', scoring: { answers: 'gqa' } },
  reading: { metric: 'VQA accuracy', scoring: { alsoAnls: true } },
  'cluttered-grounding': { metric: 'IoU ≥ 0.25', scoring: { iou: 0.25 } },
};

/** @example visionTask('existence', 'yes-no').twin // 'POPE' */
export function visionTask(name: string, kind: VisionTarget['kind']): VisionTaskInfo {
  const twin = twins[name];
  return { name, ...(twin === undefined ? {} : { twin }), scoring: {}, ...byKind[kind], ...byTask[name] };
}

/**
 * How prompts of the paper's benchmarks are written (vlm-evaluation `models/prismatic.py`): the human's turn, before a conversation
 * template puts its words around it.
 */
export const paperPrompts = {
  vqa: (question: string): string => `${question}\nAnswer the question using a single word or phrase.`,
  vizwiz: (question: string): string =>
    `${question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\nAnswer the question using a single word or phrase.`,
  trueFalse: (caption: string): string =>
    `Based on the image, is this statement "True" or "False"? ${caption}\nRespond with "True" or "False" directly.`,
  contrast: (caption: string): string =>
    `Does the following caption match the image? Caption: "${caption}"\nRespond with "True" or "False" directly.`,
  choice: (question: string, choices: readonly string[]): string => {
    if (choices.length > 26)
      throw new EvalsError(
        'INVALID_ITEM',
        `Choices: expected at most 26 choices, one a letter, got ${choices.length}.`,
      );
    const lettered = choices.map((choice, i) => `${letter(i)}. ${choice}`).join('\n');
    return `${question}\n${lettered}\nAnswer with the option's letter from the given choices directly.`;
  },
  box: (sentence: string): string =>
    `Please provide the bounding box coordinate of the region this sentence describes: "${sentence}"`,
  caption: (): string => 'Provide a short image description.',
} as const;

/** @example letter(2) // 'C' */
export function letter(index: number): string {
  return String.fromCharCode(65 + index);
}
