/** n-grams of words as counts, for CIDEr-D and BLEU. */

const orders = 4;

/** Per order (index 0 is words), how often each n-gram occurs. */
export function countNgrams(words: readonly string[]): Map<string, number>[] {
  return Array.from({ length: orders }, (_, k) => {
    const counts = new Map<string, number>();
    for (let i = 0; i + k < words.length; i++) {
      const gram = words.slice(i, i + k + 1).join(' ');
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
    return counts;
  });
}
