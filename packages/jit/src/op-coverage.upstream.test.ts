/**
 * The tests that tfjs ships for its own operations, forward and gradient, through our lowerings, passes, ONNX writer and ONNX Runtime.
 * Every one of them passes, is refused for a reason that has a name, or differs for a reason that stands below.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test, vi } from 'vitest';
import { registerGradients } from './gradients/registry.ts';
import { JitError } from './jit-error.ts';
import { bundleOperationTests, operationTests } from './testing/upstream/bundle.ts';
import { type Case, collectCases, runBody } from './testing/upstream/collect.ts';
import { useLazyBackend } from './testing/upstream/lazy-backend.ts';

/** Tests whose expectation is not ours. */
const different: Record<string, RegExp> = {
  'flat functions have no slope: tfjs differentiates floorDiv (div of integers) as if it were div':
    /^div › gradient: .*int32/,
  'tfjs gives padding a share of the gradient of a mean': /^avgPool › gradient x=\[3,3,1\] f=\[3,3\] s=1 p=explicit/,
  'tfjs leaves what a mirror adds out of the gradient': /^mirrorPad › grad/,
  'a gradient of a shape that no convolution makes is refused': /^conv2dTranspose › input=8x8x8,output=4x4x8/,
  'values are not checked, because they are not known when the graph is made':
    /^(broadcastArgs › .*error|gather › throws when index is out)/,
  'float32: half a unit in the last place of a large number': /^(exp › int32|tan › numbers exceed float32 precision)/,
  'other words in the error': /^depthwiseConv2d gradients › throws error on dilations/,
};

interface Outcome {
  kind: 'passed' | 'refused' | 'different' | 'failed';
  reason: string;
}

/** What the error of a refused operation is counted as. */
function refusal(message: string): string | undefined {
  if (message.includes('random') || message.includes('frozen into')) return 'random numbers';
  if (/dtype stri|strings/.test(message)) return 'strings';
  if (message.includes('browser')) return 'a browser';
  return message.match(/Cannot compile (?:the )?tfjs operation (\w{3})/) ? 'shapes that depend on data' : undefined;
}

async function run({ name, bodies }: Case): Promise<Outcome> {
  await useLazyBackend();
  const engine = tf.engine();
  engine.startScope();
  try {
    for (const body of bodies) await runBody(body);
    return { kind: 'passed', reason: '' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isRefused = error instanceof JitError || message.includes("but got 'Cannot compile");
    const reason = isRefused ? refusal(message) : undefined;
    if (reason) return { kind: 'refused', reason };
    const [known] = Object.entries(different).find(([, pattern]) => pattern.test(name)) ?? [];
    return known ? { kind: 'different', reason: known } : { kind: 'failed', reason: `${name}: ${message}` };
  } finally {
    engine.endScope();
    engine.disposeVariables();
  }
}

test("tfjs's own tests of its operations", { timeout: 120_000 }, async () => {
  const cases = await collectCases(await bundleOperationTests(await operationTests()));
  registerGradients();
  tf.env().set('IS_TEST', true);
  const counts: Record<string, Record<string, number>> = { passed: {}, refused: {}, different: {}, failed: {} };
  for (const one of cases) {
    const { kind, reason } = await run(one);
    counts[kind]![reason] = (counts[kind]![reason] ?? 0) + 1;
  }
  vi.clearAllMocks(); // Some tests make tfjs warn on the console, which would fail this one.
  expect(counts).toMatchInlineSnapshot(`
    {
      "different": {
        "a gradient of a shape that no convolution makes is refused": 1,
        "flat functions have no slope: tfjs differentiates floorDiv (div of integers) as if it were div": 2,
        "float32: half a unit in the last place of a large number": 2,
        "other words in the error": 1,
        "tfjs gives padding a share of the gradient of a mean": 1,
        "tfjs leaves what a mirror adds out of the gradient": 2,
        "values are not checked, because they are not known when the graph is made": 2,
      },
      "failed": {},
      "passed": {
        "": 3147,
      },
      "refused": {
        "a browser": 2,
        "random numbers": 107,
        "shapes that depend on data": 121,
        "strings": 85,
      },
    }
  `);
});
