/** Answers kept on disk, so that an evaluation that was stopped in the middle of a task goes on with the next question. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { EvalsError } from '../errors.ts';
import type { ContinuationScore, EvalModel, EvalPrompt } from '../types.ts';
import { generateTexts, isContinuationScore, scoreContinuations } from './ask.ts';

export interface RememberOptions<Image> {
  /** A `.jsonl` file; it need not exist. */
  path: string;
  /** Names the model and all that its answers depend on. Answers of another are refused. */
  model: string;
  /** Names a picture: two with the same name are the same. */
  nameOf: (image: Image) => string;
}

export interface RememberingModel<Image> extends EvalModel<Image> {
  /** Answers found in the file, and answers the model was asked for. */
  counts(): { remembered: number; asked: number };
  close(): void;
}

/**
 * A model that writes every answer down as it comes, and does not ask again for one that stands there. Each batch is on the disk before
 * the next is asked; a line that was cut is asked again. What is no answer (a log-probability that is not a number) is not written down.
 *
 * @throws EvalsError WRONG_MODEL when the file holds answers of another model, BROKEN_FILE when it is something else; it then stays as it
 *   is. Asking: BAD_MODEL_OUTPUT
 * @example
 * const asking = rememberAnswers(model, { path: 'answers.jsonl', model: checkpoint.checksum, nameOf: (key) => key });
 * const rows = await runVision(asking, items, { image });
 * asking.close();
 */
export function rememberAnswers<Image>(
  model: EvalModel<Image>,
  options: RememberOptions<Image>,
): RememberingModel<Image> {
  const { path, nameOf } = options;
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a+');
  const known = openAnswers(file, path, options.model);
  const found = known.size;
  let asked = 0;
  const keyOf = (...parts: unknown[]): string =>
    createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
  const promptKey = ({ text, image }: EvalPrompt<Image>): unknown[] =>
    image === undefined ? [text] : [text, nameOf(image)];

  async function answer<Request, Answer>(
    requests: Request[],
    key: (request: Request) => string,
    ask: (left: Request[]) => Promise<Answer[]>,
  ): Promise<Answer[]> {
    const keys = requests.map(key);
    const left = new Map(keys.flatMap((one, i) => (known.has(one) ? [] : [[one, requests[i]!] as const])));
    if (left.size > 0) {
      const answers = await ask([...left.values()]);
      const lines = [...left.keys()].map((one, i) => {
        known.set(one, answers[i]);
        return `${JSON.stringify([one, encode(answers[i])])}\n`;
      });
      writeSync(file, lines.join(''));
      fsyncSync(file);
      asked += left.size;
    }
    return keys.map((one) => known.get(one) as Answer);
  }

  return {
    generate: (prompts, { maxNewTokens }) =>
      answer(
        prompts,
        (prompt) => keyOf('generate', maxNewTokens, ...promptKey(prompt)),
        (left) => generateTexts(model, left, maxNewTokens),
      ),
    logLikelihood: (requests) =>
      answer(
        requests,
        ({ prompt, continuation }) => keyOf('logLikelihood', continuation, ...promptKey(prompt)),
        (left) => scoreContinuations(model, left),
      ),
    counts: () => ({ remembered: found, asked }),
    close: () => closeSync(file),
  };
}

/** What the file says, made ready for more: a new one gets its head, a last line that was cut goes. Closed where it is refused. */
function openAnswers(file: number, path: string, model: string): Map<string, unknown> {
  try {
    const head = Buffer.from(`${JSON.stringify({ answersOf: model, version: 1 })}\n`);
    const bytes = readFileSync(path);
    const end = bytes.lastIndexOf(0x0a) + 1;
    // A head that was cut is a beginning of this one. Anything else is somebody's file, from which nothing may be cut.
    const isNew = end === 0 && bytes.equals(head.subarray(0, bytes.length));
    const known = isNew
      ? new Map<string, unknown>()
      : readAnswers(bytes.toString('utf8', 0, end || undefined), path, model);
    if (end < bytes.length) ftruncateSync(file, end);
    if (isNew) writeSync(file, head);
    return known;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** @throws EvalsError WRONG_MODEL, BROKEN_FILE */
function readAnswers(text: string, path: string, model: string): Map<string, unknown> {
  const [first, ...lines] = text.replace(/\n$/, '').split('\n');
  const head = parsed(first!, isHead, path, 1);
  if (head.answersOf !== model)
    throw new EvalsError(
      'WRONG_MODEL',
      `${path}: expected answers of ${JSON.stringify(model)}, got those of ${JSON.stringify(head.answersOf)}; use another file, or remove this one.`,
    );
  return new Map(
    lines.map((line, i) => {
      const [key, value] = parsed(line, isEntry, path, i + 2);
      return [key, decode(value)];
    }),
  );
}

function parsed<T>(line: string, isRight: (value: unknown) => value is T, path: string, number: number): T {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(line);
    if (isRight(value)) return value;
  } catch (error) {
    cause = error;
  }
  throw new EvalsError(
    'BROKEN_FILE',
    `${path}, line ${number}: expected a line of answers, got ${line.slice(0, 40)}; use another file, or remove this one.`,
    { cause },
  );
}

const isHead = (value: unknown): value is { answersOf: string; version: 1 } => {
  const { answersOf, version } = (value ?? {}) as Record<string, unknown>;
  return typeof answersOf === 'string' && version === 1;
};

type Encoded = string | [number | string, number, number];

const isEntry = (value: unknown): value is [string, Encoded] =>
  Array.isArray(value) &&
  typeof value[0] === 'string' &&
  (typeof value[1] === 'string' || (Array.isArray(value[1]) && isContinuationScore(decode(value[1] as Encoded))));

/** JSON has no −∞: the log-probability of what cannot be said. */
function encode(answer: unknown): Encoded {
  if (typeof answer === 'string') return answer;
  const { logProb, tokens, bytes } = answer as ContinuationScore;
  return [Number.isFinite(logProb) ? logProb : String(logProb), tokens, bytes];
}

function decode(value: Encoded): string | ContinuationScore {
  if (typeof value === 'string') return value;
  const [logProb, tokens, bytes] = value;
  return { logProb: Number(logProb), tokens, bytes };
}
