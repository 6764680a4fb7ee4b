/**
 * Byte pair encoding by its definition, as slow and as plain as can be: all pairs are counted anew before each merge. The trainer has
 * to agree with it.
 */
export function naiveBpe(words: ReadonlyMap<string, number>, merges: number, minCount: number): string[] {
  const tokens = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)); // one character per byte
  const cut = [...words].map(([word, count]) => ({ count, ids: [...Buffer.from(word)] }));
  while (tokens.length < 256 + merges) {
    const counts = new Map<string, number>();
    for (const { ids, count } of cut)
      for (let i = 0; i + 1 < ids.length; i++) {
        const key = `${ids[i]} ${ids[i + 1]}`;
        counts.set(key, (counts.get(key) ?? 0) + count);
      }
    const best = [...counts]
      .map(([key, count]) => ({ count, pair: key.split(' ').map(Number) as [number, number] }))
      .sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1])[0];
    if (best === undefined || best.count < minCount) break;
    const joined = tokens[best.pair[0]]! + tokens[best.pair[1]]!;
    let id = tokens.indexOf(joined);
    if (id < 0) id = tokens.push(joined) - 1;
    for (const word of cut) {
      const ids: number[] = [];
      for (let i = 0; i < word.ids.length; i++) {
        if (word.ids[i] === best.pair[0] && word.ids[i + 1] === best.pair[1]) {
          ids.push(id);
          i++;
        } else ids.push(word.ids[i]!);
      }
      word.ids = ids;
    }
  }
  return tokens.map((token) => Buffer.from(token, 'latin1').toString('base64'));
}
