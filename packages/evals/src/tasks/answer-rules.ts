/** How a rule compares a free answer with those of the annotators: what is made of both sides, and what an equal one is worth. */
import { gqaPrediction } from '../scoring/exact-match.ts';
import { textVqaNormalise } from '../scoring/textvqa.ts';
import { vizwizPrediction } from '../scoring/vizwiz.ts';
import { agreement, fixedAgreement } from '../scoring/vqa-accuracy.ts';
import { fixedAnswer, officialPrediction, officialPunctuation } from '../scoring/vqa-normalise.ts';
import type { Scoring } from './score-outputs.ts';

export interface AnswerRule {
  /** What is compared of an answer that was given. */
  said: (text: string) => string;
  /** What is compared of an annotator's answer. */
  truth: (text: string) => string;
  /** 0 to 1, and 0 for what is none of the truths. @param truths of all annotators of one item, at least one */
  worth: (said: string, truths: readonly string[]) => number;
}

const anyOf = (said: string, truths: readonly string[]): number => (truths.includes(said) ? 1 : 0);
const asWritten = (text: string): string => text;

const fixedRule: AnswerRule = { said: fixedAnswer, truth: fixedAnswer, worth: fixedAgreement };

const officialRules: Readonly<Record<Exclude<Scoring['answers'], 'anls' | undefined>, AnswerRule>> = {
  'vqa-v2': { said: officialPrediction, truth: officialPunctuation, worth: agreement },
  gqa: { said: gqaPrediction, truth: asWritten, worth: anyOf },
  'text-vqa': { said: textVqaNormalise, truth: textVqaNormalise, worth: agreement },
  vizwiz: { said: vizwizPrediction, truth: asWritten, worth: agreement },
};

/** @returns undefined for ANLS, under which also answers that are not equal are worth something */
export function answerRule({ mode = 'fixed', answers = 'vqa-v2' }: Scoring): AnswerRule | undefined {
  if (answers === 'anls') return undefined;
  if (mode === 'official') return officialRules[answers];
  return answers === 'gqa' ? { ...fixedRule, worth: anyOf } : fixedRule;
}

/** The same rule, which makes each text's form but once. */
export function remembering({ said, truth, worth }: AnswerRule): AnswerRule {
  return { said: onceEach(said), truth: onceEach(truth), worth };
}

/** A function that is asked but once for each text. */
export function onceEach(formOf: (text: string) => string): (text: string) => string {
  const forms = new Map<string, string>();
  return (text) => {
    let form = forms.get(text);
    if (form === undefined) {
      form = formOf(text);
      forms.set(text, form);
    }
    return form;
  };
}
