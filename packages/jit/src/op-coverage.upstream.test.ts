import '@tensorflow/tfjs-backend-cpu';
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { registerGradients } from './gradients/registry.ts';
import { JitError } from './jit-error.ts';
import { bundleOperationTests, operationTests } from './testing/upstream/bundle.ts';
import { collectCases, runBody } from './testing/upstream/collect.ts';
import { useLazyBackend } from './testing/upstream/lazy-backend.ts';

test('upstream', { timeout: 600_000 }, async () => {
  const files = (await operationTests()).filter((f) => !process.env['ONLY'] || new RegExp(process.env['ONLY']).test(f));
  const cases = await collectCases(await bundleOperationTests(files));
  registerGradients();
  tf.env().set('IS_TEST', true);
  tf.env().set('PROD', true);
  const methods = ['log', 'warn', 'error', 'info'] as const;
  const saved = methods.map((m) => console[m]);
  for (const m of methods) console[m] = () => {};
  let passed = 0;
  const refused: Record<string, number> = {};
  const failures: string[] = [];
  for (const { file, name, bodies } of cases) {
    await useLazyBackend();
    tf.engine().startScope();
    try {
      for (const body of bodies) await runBody(body);
      passed++;
    } catch (error) {
      if (error instanceof JitError && ['unsupported-op', 'data-dependent', 'random-op'].includes(error.code)) {
        const key = `${error.code}: ${error.message.slice(0, 110)}`;
        refused[key] = (refused[key] ?? 0) + 1;
      } else
        failures.push(
          `${file} | ${name}\n      ${String((error as Error)?.message).slice(0, process.env['ONLY'] ? 3000 : 260)}${process.env['ONLY'] ? (error as Error).stack : ''}`,
        );
    } finally {
      try {
        tf.engine().endScope();
        tf.engine().disposeVariables();
      } catch {}
    }
  }
  methods.forEach((m, i) => {
    console[m] = saved[i]!;
  });
  writeFileSync(
    '/tmp/upstream.txt',
    [`passed ${passed} failed ${failures.length}`, JSON.stringify(refused, null, 1), ...failures].join('\n'),
  );
  expect(passed).toBeGreaterThan(0);
});
