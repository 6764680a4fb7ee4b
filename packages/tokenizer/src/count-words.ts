import { assertWellFormed, compilePattern } from './pattern.ts';

/** How often each match of the pattern ("word", white space included) occurs, in order of first appearance. */
export function countWords(texts: Iterable<string>, pattern: string): Map<string, number> {
  const expression = compilePattern(pattern);
  const counts = new Map<string, number>();
  for (const text of texts) {
    assertWellFormed(text);
    for (const word of text.match(expression) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
