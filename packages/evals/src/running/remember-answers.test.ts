import { mkdir, mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guesser, makeItems, type Picture } from '../testing/models.ts';
import type { EvalModel } from '../types.ts';
import { oracleModel } from './known-models.ts';
import { rememberAnswers } from './remember-answers.ts';
import { runVision } from './run-vision.ts';

let path: string;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'answers-'));
  path = join(directory, 'runs', 'answers.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const nameOf = (image: Picture): string => image;
const image = ({ id }: { id: string }): string => id;

it('a run stopped in the middle of a task ends with the rows of one that was not, and asks nothing twice', async () => {
  for (const task of ['open-vqa', 'existence', 'captioning']) {
    const items = makeItems(task, 40);
    const file = join(directory, `${task}.jsonl`);
    const whole = await runVision(oracleModel(items), items, { image, batchSize: 4 });
    let calls = 0;
    const counting: EvalModel<Picture> = {
      generate: (...args) => stopAfter(oracleModel(items).generate(...args)),
      logLikelihood: (...args) => stopAfter(oracleModel(items).logLikelihood(...args)),
    };
    const stopAfter = <T>(answers: Promise<T>): Promise<T> => {
      if (++calls === 14) throw new Error('killed');
      return answers;
    };
    const first = rememberAnswers(counting, { path: file, model: 'm', nameOf });
    await expect(runVision(first, items, { image, batchSize: 4 })).rejects.toThrow('killed');
    first.close();
    const { asked } = first.counts();
    expect(asked).toBeGreaterThan(0);
    const second = rememberAnswers(oracleModel(items), { path: file, model: 'm', nameOf });
    expect(await runVision(second, items, { image, batchSize: 7 })).toEqual(whole);
    second.close();
    expect(second.counts().remembered).toBe(asked);
    const third = rememberAnswers(
      guesser('x', () => 'wrong'),
      { path: file, model: 'm', nameOf },
    );
    expect(await runVision(third, items, { image })).toEqual(whole);
    expect(third.counts().asked).toBe(0);
    third.close();
  }
});

it('cut at any byte, it gives back whole answers only', async () => {
  const items = makeItems('existence', 6);
  const first = rememberAnswers(oracleModel(items), { path, model: 'm', nameOf });
  const whole = await runVision(first, items, { image });
  first.close();
  const { length } = await readFile(path);
  for (let size = length - 1; size > 0; size -= 97) {
    await truncate(path, size);
    const again = rememberAnswers(oracleModel(items), { path, model: 'm', nameOf });
    expect(await runVision(again, items, { image })).toEqual(whole);
    again.close();
    // What was written behind the cut is whole as well.
    const later = rememberAnswers(oracleModel(items), { path, model: 'm', nameOf });
    expect(await runVision(later, items, { image })).toEqual(whole);
    expect(later.counts().asked).toBe(0);
    later.close();
  }
});

it('keeps what JSON cannot say', async () => {
  const impossible: EvalModel<Picture> = {
    generate: async () => [],
    logLikelihood: async (requests) => requests.map(() => ({ logProb: Number.NEGATIVE_INFINITY, tokens: 1, bytes: 2 })),
  };
  const request = { prompt: { text: 'a' }, continuation: ' b' };
  const first = rememberAnswers(impossible, { path, model: 'm', nameOf });
  const [said] = await first.logLikelihood([request]);
  first.close();
  const second = rememberAnswers(impossible, { path, model: 'm', nameOf });
  expect(await second.logLikelihood([request])).toEqual([said]);
  expect(second.counts()).toEqual({ remembered: 1, asked: 0 });
  second.close();
});

it('answers of another model, and files of something else, are refused', async () => {
  rememberAnswers(oracleModel([]), { path, model: 'a', nameOf }).close();
  expect(() => rememberAnswers(oracleModel([]), { path, model: 'b', nameOf })).toThrow(
    /expected answers of "b", got those of "a"/,
  );
  await writeFile(path, 'hello\nworld\n');
  expect(() => rememberAnswers(oracleModel([]), { path, model: 'b', nameOf })).toThrow(
    /line 1: expected a line of answers, got hello/,
  );
});

const foreign = [
  '{"accuracy": 0.5}',
  '{"accuracy": 0.5}\n',
  'hello\nworld',
  'hello',
  '5\n',
  'null\n',
  '[["a","b"]]',
  '{"answersOf":"m","version":1}\n5\n',
  '{"answersOf":"m","version":1}\n["key"]\n["key2","said',
  '{"answersOf":"m","version":1}\n["key",["NaN",1,2]]\n',
  '{"answersOf":"m","version":2}\n["key","said"]\n',
];

it.each(foreign)('a file of something else stays as it is: %j', async (text) => {
  await mkdir(dirname(path));
  await writeFile(path, text);
  expect(() => rememberAnswers(oracleModel([]), { path, model: 'm', nameOf })).toThrow(
    expect.objectContaining({ code: 'BROKEN_FILE' }),
  );
  expect(await readFile(path, 'utf8')).toBe(text);
});

it.runIf(process.platform === 'linux')('a file that is refused is closed', async () => {
  await mkdir(dirname(path));
  await writeFile(path, 'hello');
  expect(() => rememberAnswers(oracleModel([]), { path, model: 'm', nameOf })).toThrow();
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  expect(open).not.toContain(path);
});

it('what is no answer is not written down: the next run asks again', async () => {
  const request = { prompt: { text: 'a' }, continuation: ' b' };
  const right = { logProb: -1, tokens: 1, bytes: 2 };
  const answering = (answer: unknown): EvalModel<Picture> => ({
    generate: async () => [answer as string],
    logLikelihood: async () => [answer as typeof right],
  });
  for (const bad of [{ ...right, logProb: Number.NaN }, undefined, 7]) {
    const first = rememberAnswers(answering(bad), { path, model: 'm', nameOf });
    await expect(first.logLikelihood([request])).rejects.toMatchObject({ code: 'BAD_MODEL_OUTPUT' });
    await expect(first.generate([request.prompt], { maxNewTokens: 3 })).rejects.toMatchObject({
      code: 'BAD_MODEL_OUTPUT',
    });
    first.close();
  }
  const second = rememberAnswers(answering(right), { path, model: 'm', nameOf });
  expect(await second.logLikelihood([request])).toEqual([right]);
  expect(second.counts()).toEqual({ remembered: 0, asked: 1 });
  second.close();
});
