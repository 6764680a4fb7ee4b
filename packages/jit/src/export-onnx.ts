import type { ForwardFunction, ForwardOptions } from './engine.ts';
import { traceForward } from './trace/trace-forward.ts';

/**
 * A forward graph as an `.onnx` file with its weights inside, for ONNX Runtime on any platform (`onnxruntime-web`, transformers.js).
 * @param fn a pure tfjs function of constants and inputs
 * @param options weights, and the shapes of the inputs
 * @returns the file's bytes; inputs and outputs carry the names of `fn`
 * @throws {JitError} `unsupported-op`, `data-dependent`, `too-large`
 * @example
 * const bytes = exportOnnx(({ w }, { x }) => ({ y: tf.matMul(x, w) }), { constants: { w: { spec, data } }, inputs: { x: xSpec } });
 */
export function exportOnnx(fn: ForwardFunction, options: ForwardOptions): Uint8Array {
  return traceForward(fn, options).model;
}
