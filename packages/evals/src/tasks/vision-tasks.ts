import type { VisionTarget } from '../types.ts';

/** What a task's name says about how it is asked and scored. */
export interface VisionTaskInfo {
  name: string;
  /** The paper's task that it is the twin of. */
  twin?: string;
  /** The primary score, 0 to 1. */
  metric: string;
  maxNewTokens: number;
}

/** Per kind of target: the metric, and room for the answer at about two characters a token. */
const byKind: Readonly<Record<VisionTarget['kind'], Omit<VisionTaskInfo, 'name'>>> = {
  answers: { metric: 'VQA accuracy', maxNewTokens: 12 },
  'yes-no': { metric: 'accuracy of the likelier of yes and no', maxNewTokens: 4 },
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
};

/** @example visionTask('existence', 'yes-no').twin // 'POPE' */
export function visionTask(name: string, kind: VisionTarget['kind']): VisionTaskInfo {
  const twin = twins[name];
  return { name, ...(twin === undefined ? {} : { twin }), ...byKind[kind] };
}

/** How prompts of the paper's benchmarks are written (vlm-evaluation `models/prismatic.py`), for items with the same questions. */
export const paperPrompts: Readonly<Record<'vqa' | 'vizwiz' | 'box', (question: string) => string>> = {
  vqa: (question) => `${question}\nAnswer the question using a single word or phrase.`,
  vizwiz: (question) =>
    `${question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\nAnswer the question using a single word or phrase.`,
  box: (sentence) => `Please provide the bounding box coordinate of the region this sentence describes: "${sentence}"`,
};
