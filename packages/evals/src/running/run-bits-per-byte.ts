import { EvalsError } from '../errors.ts';
import type { EvalModel, EvalRow, TextDocument } from '../types.ts';
import { inBatches, scoreContinuations } from './ask.ts';
import { checkDocuments } from './check-items.ts';
import type { TextOptions } from './run-multiple-choice.ts';

export interface BitsPerByteOptions extends Omit<TextOptions<TextDocument>, 'format'> {
  /** Longest piece that is scored at once, in UTF-8 bytes. Default: the whole document, which must then fit the model's window. */
  pieceBytes?: number;
  /** How much of the text before a piece the model sees, in UTF-8 bytes. Default: as much as `pieceBytes`. */
  contextBytes?: number;
}

/**
 * Bits per UTF-8 byte of held-out documents: −Σ log₂ p / bytes. Unlike perplexity it can be compared between tokenizers.
 *
 * A document longer than `pieceBytes` is cut at white space; each piece is predicted from the text before it.
 * @param documents any text
 * @returns one row per document, condition `text`, type its source, `score` in bits per byte (less is better), `weight` its bytes, so that
 *   the weighted mean over rows is the bits per byte of the whole set
 * @throws EvalsError EMPTY_SET, DUPLICATE_ID, INVALID_ITEM, BAD_MODEL_OUTPUT, INVALID_OPTION
 * @example const rows = await runBitsPerByte(model, documents, { pieceBytes: 256 });
 */
export async function runBitsPerByte<Image>(
  model: EvalModel<Image>,
  documents: readonly TextDocument[],
  options: BitsPerByteOptions = {},
): Promise<EvalRow[]> {
  checkDocuments(documents);
  const { batchSize = 16, pieceBytes = Number.POSITIVE_INFINITY, contextBytes = pieceBytes } = options;
  if (!(pieceBytes >= 16) || !(contextBytes >= 0))
    throw new EvalsError(
      'INVALID_OPTION',
      `pieceBytes and contextBytes: expected at least 16 and 0 bytes, got ${pieceBytes} and ${contextBytes}.`,
    );
  const pieces = documents.flatMap((document, index) =>
    piecesOf(document.text, pieceBytes, contextBytes).map((piece) => ({ ...piece, index })),
  );
  // The longest pieces are asked first: a document is done with the last of its own.
  const left = documents.map(() => 0);
  for (const { index } of pieces) left[index]!++;
  let done = 0;
  const scores = await inBatches(
    pieces,
    batchSize,
    ({ before, text }) => before.length + text.length,
    async (batch) => {
      const found = await scoreContinuations(
        model,
        batch.map(({ before, text }) => ({ prompt: { text: before }, continuation: text })),
      );
      for (const { index } of batch) if (--left[index]! === 0) done++;
      return found;
    },
    () => options.onProgress?.({ task: 'bits-per-byte', condition: 'text', done, total: documents.length }),
  );
  const sums = documents.map(() => ({ nats: 0, tokens: 0, pieces: 0 }));
  pieces.forEach(({ index, text }, i) => {
    const { logProb, tokens, bytes } = scores[i]!;
    if (bytes !== Buffer.byteLength(text))
      throw new EvalsError(
        'BAD_MODEL_OUTPUT',
        `logLikelihood: expected the continuation's ${Buffer.byteLength(text)} UTF-8 bytes in document "${documents[index]!.id}", got ${bytes}; was it cut to the model's window? Lower pieceBytes.`,
      );
    const sum = sums[index]!;
    sum.nats -= logProb;
    sum.tokens += tokens;
    sum.pieces++;
  });
  return documents.map((document, i): EvalRow => {
    const bytes = Buffer.byteLength(document.text);
    return {
      id: document.id,
      task: 'bits-per-byte',
      split: 'test',
      type: document.source,
      condition: 'text',
      prompt: '',
      output: '',
      expected: '',
      score: sums[i]!.nats / Math.LN2 / bytes,
      scores: { ...sums[i]! },
      weight: bytes,
    };
  });
}

/** Cuts a text into pieces that put together give it back, each with what stands before it. */
export function piecesOf(text: string, pieceBytes: number, contextBytes: number): { before: string; text: string }[] {
  // Words with the white space in front of them; a longer word is cut between characters.
  const units = (text.match(/\s*\S+|\s+$/gu) ?? []).flatMap((unit) =>
    Buffer.byteLength(unit) > pieceBytes ? [...unit] : [unit],
  );
  const pieces: string[][] = [];
  let bytes = 0;
  for (const unit of units) {
    const size = Buffer.byteLength(unit);
    if (pieces.length === 0 || bytes + size > pieceBytes) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)!.push(unit);
    bytes += size;
  }
  const earlier: string[] = [];
  return pieces.map((piece) => {
    let start = earlier.length;
    for (let left = contextBytes; start > 0; start--) {
      left -= Buffer.byteLength(earlier[start - 1]!);
      if (left < 0) break;
    }
    const before = earlier.slice(start).join('');
    earlier.push(...piece);
    return { before, text: piece.join('') };
  });
}
