/** Which objects a caption names, and how many of them are there: the check that a template's fluency cannot buy. */
import { EvalsError } from '../errors.ts';
import { captionWords } from './caption-words.ts';

export interface ObjectScores {
  precision: number;
  recall: number;
  f1: number;
}

/** Ways to write a name: as it is, and the regular plurals (and a few irregular ones) of its last word. */
function spellings(name: string): string[] {
  const forms = [name, `${name}s`, `${name}es`];
  if (/[^aeiou]y$/.test(name)) forms.push(name.replace(/y$/, 'ies'));
  if (/fe?$/.test(name)) forms.push(name.replace(/fe?$/, 'ves'));
  if (/mouse$/.test(name)) forms.push(name.replace(/mouse$/, 'mice'));
  if (/goose$/.test(name)) forms.push(name.replace(/goose$/, 'geese'));
  if (/man$/.test(name)) forms.push(name.replace(/man$/, 'men'));
  return forms;
}

/**
 * Finds the objects that a caption names.
 * @param vocabulary every name that counts as an object; the longest name at a place wins (`polar bear` is no `bear`)
 * @returns a function from a caption to the set of names in it
 * @example objectFinder(['polar bear', 'bear'])('Two polar bears.') // Set { 'polar bear' }
 */
export function objectFinder(vocabulary: Iterable<string>): (caption: string) => Set<string> {
  const names = new Map<string, string>();
  let longest = 0;
  const all = [...new Set(vocabulary)];
  // A name as it is goes before another's plural.
  for (const written of [0, 1] as const)
    for (const name of all)
      for (const form of spellings(captionWords(name)))
        if ((written === 0) === (form === captionWords(name)) && !names.has(form) && form !== '') {
          names.set(form, name);
          longest = Math.max(longest, form.split(' ').length);
        }
  return (caption) => {
    const words = captionWords(caption).split(' ');
    const found = new Set<string>();
    for (let i = 0; i < words.length; i++) {
      for (let length = Math.min(longest, words.length - i); length > 0; length--) {
        const name = names.get(words.slice(i, i + length).join(' '));
        if (name === undefined) continue;
        found.add(name);
        i += length - 1;
        break;
      }
    }
    return found;
  };
}

/**
 * Precision, recall and F1 of a set of names. Nothing named gives zeros.
 * @example objectScores(new Set(['cat', 'dog']), ['cat']) // { precision: 0.5, recall: 1, f1: 0.666… }
 */
export function objectScores(named: ReadonlySet<string>, there: readonly string[]): ObjectScores {
  const truth = new Set(there);
  if (truth.size === 0)
    throw new EvalsError('INVALID_ITEM', 'Object F1: expected at least one object in the picture, got none.');
  let right = 0;
  for (const name of named) if (truth.has(name)) right++;
  const precision = named.size === 0 ? 0 : right / named.size;
  const recall = right / truth.size;
  return { precision, recall, f1: right === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
