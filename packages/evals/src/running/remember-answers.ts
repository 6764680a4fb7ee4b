/** Answers kept on disk, so that an evaluation that was stopped in the middle of a task goes on with the next question. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { EvalsError } from '../errors.ts';
import type { ContinuationScore, EvalModel, EvalPrompt } from '../types.ts';

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
 * the next is asked; a line that was cut is asked again.
 *
 * @throws EvalsError WRONG_MODEL when the file holds answers of another model, BROKEN_FILE when it is something else
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
  const known = readAnswers(file, path, options.model);
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
      if (answers.length !== left.size)
        throw new EvalsError('BAD_MODEL_OUTPUT', `Expected ${left.size} answers, got ${answers.length}.`);
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
        (left) => model.generate(left, { maxNewTokens }),
      ),
    logLikelihood: (requests) =>
      answer(
        requests,
        ({ prompt, continuation }) => keyOf('logLikelihood', continuation, ...promptKey(prompt)),
        (left) => model.logLikelihood(left),
      ),
    counts: () => ({ remembered: found, asked }),
    close: () => closeSync(file),
  };
}

/** What the whole lines of the file say; a last line that was cut goes, a file of another model is refused. */
function readAnswers(file: number, path: string, model: string): Map<string, unknown> {
  const head = { answersOf: model, version: 1 };
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  ftruncateSync(file, end);
  const [first, ...lines] = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  if (first === undefined) {
    writeSync(file, `${JSON.stringify(head)}\n`);
    return new Map();
  }
  const theirs = parsed(first, path, 1) as Partial<typeof head>;
  if (theirs?.answersOf !== model || theirs.version !== 1)
    throw new EvalsError(
      'WRONG_MODEL',
      `${path}: expected answers of ${JSON.stringify(model)}, got those of ${JSON.stringify(theirs?.answersOf)}; use another file, or remove this one.`,
    );
  return new Map(
    lines.map((line, i) => {
      const [key, value] = parsed(line, path, i + 2) as [string, unknown];
      return [key, decode(value)];
    }),
  );
}

function parsed(line: string, path: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new EvalsError(
      'BROKEN_FILE',
      `${path}, line ${number}: expected a line of answers, got ${line.slice(0, 40)}; remove the file.`,
      { cause: error },
    );
  }
}

/** JSON has no −∞: the log-probability of what cannot be said. */
function encode(answer: unknown): unknown {
  if (typeof answer === 'string') return answer;
  const { logProb, tokens, bytes } = answer as ContinuationScore;
  return [Number.isFinite(logProb) ? logProb : String(logProb), tokens, bytes];
}

function decode(value: unknown): string | ContinuationScore {
  if (typeof value === 'string') return value;
  const [logProb, tokens, bytes] = value as [number | string, number, number];
  return { logProb: Number(logProb), tokens, bytes };
}
