import type { RawDocument } from './text-source.ts';

/** Makes plain what small vocabularies would spend tokens on: curly quotes, ellipses, and stray spacing. Dashes and accents stay. */
export function cleanText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/\u2026/g, '...')
    .replace(/\u00a0/g, ' ')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Words × 1.35: what a byte-level BPE of a few thousand entries makes of English, to a tenth or so. */
export function estimateTokens(text: string): number {
  let words = 0;
  for (const _ of text.matchAll(/\S+/g)) words++;
  return Math.ceil(words * 1.35);
}

/** Cuts a long text between sentences into documents of about `target` words. */
export function cutIntoDocuments(id: string, title: string, text: string, target: number): RawDocument[] {
  const sentences = splitSentences(text);
  const total = sentences.reduce((sum, sentence) => sum + wordCount(sentence), 0);
  const pieces = Math.max(1, Math.round(total / target));
  const documents: RawDocument[] = [];
  const push = (part: string): void =>
    void documents.push({ id: `${id}/${documents.length}`, title, read: () => part });
  let [piece, words] = ['', 0];
  for (const sentence of sentences) {
    piece += piece ? ` ${sentence}` : sentence;
    words += wordCount(sentence);
    if (words >= (total / pieces) * (documents.length + 1) - 1e-9) {
      push(piece);
      piece = '';
    }
  }
  if (piece) push(piece);
  return documents;
}

function wordCount(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

/** Sentences of running text; abbreviations such as `Mr.` do not end one. */
export function splitSentences(text: string): string[] {
  return text
    .replace(/\s+/g, ' ')
    .split(/(?<=[.!?]["')]?)(?<!\b(?:Mr|Mrs|Dr|St|Gen|Gov|Hon|Messrs|No|vs|Capt|Col|Lt|[A-Z])\.) (?=["'(]?[A-Z])/)
    .filter((sentence) => sentence.trim().length > 0);
}
