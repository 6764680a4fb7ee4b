/** As much of Jasmine as tfjs's tests use: `describe` and `it` collect, and the caller runs. */
import { expect as vitestExpect } from 'vitest';

type Body = (done?: (() => void) & { fail(error?: unknown): void }) => unknown;
export interface Case {
  file: string;
  name: string;
  /** Hooks before, the test, hooks after. */
  bodies: Body[];
}
interface Suite {
  name: string;
  before: Body[];
  after: Body[];
}

/** Imports the module and returns the tests that it declares. */
export async function collectCases(address: string): Promise<Case[]> {
  const cases: Case[] = [];
  const suites: Suite[] = [];
  let file = '';
  const describe = (name: string, body: () => void) => {
    suites.push({ name, before: [], after: [] });
    body();
    suites.pop();
  };
  const it = (name: string, body: Body) => {
    // Hooks may be declared after the test that they serve.
    const around = [...suites];
    cases.push({
      file,
      name: [...suites.map((suite) => suite.name), name].join(' › '),
      get bodies() {
        return [...around.flatMap(({ before }) => before), body, ...around.toReversed().flatMap(({ after }) => after)];
      },
    });
  };
  const expect = (...actual: unknown[]) => {
    const assertion = actual.length ? vitestExpect(actual[0]) : {};
    return Object.assign(assertion, { nothing() {} });
  };
  const globals: Record<string, unknown> = {
    describe,
    it,
    expect,
    expectAsync: (promise: Promise<unknown>) => ({
      toBeRejectedWithError: (expected: never) => vitestExpect(promise).rejects.toThrow(expected),
    }),
    fdescribe: describe,
    fit: it,
    xdescribe() {},
    xit() {},
    beforeEach: (body: Body) => suites.at(-1)!.before.push(body),
    beforeAll: (body: Body) => suites.at(-1)!.before.push(body),
    afterEach: (body: Body) => suites.at(-1)!.after.push(body),
    afterAll: (body: Body) => suites.at(-1)!.after.push(body),
    fail(message: unknown) {
      throw new Error(String(message));
    },
    jasmine: {},
    startFile(name: string) {
      file = name;
    },
  };
  Object.assign(globalThis, globals);
  await import(/* @vite-ignore */ address);
  return cases;
}

/** Runs one hook or test, whichever of Jasmine's ways of being asynchronous it uses. */
export async function runBody(body: Body): Promise<void> {
  if (body.length === 0) {
    await body();
    return;
  }
  await new Promise<void>((resolve, reject) => {
    body(Object.assign(() => resolve(), { fail: (error?: unknown) => reject(error ?? new Error('done.fail()')) }));
  });
}
