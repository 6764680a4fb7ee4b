import type { Device, Engine } from './engine.ts';
import { JitError } from './jit-error.ts';
import { onnxEngine } from './onnx-engine.ts';
import { tfjsEngine } from './tfjs-engine.ts';

/** Where and how `jit` and `trainStep` run. */
export interface RunOptions {
  /** Default `'cpu'`. */
  device?: Device;
  /** Threads of one operator; default: all that the machine offers. */
  threads?: number;
  /** Default true: in a worker thread, so that the caller's thread stays free. */
  worker?: boolean;
  /**
   * `'onnx'` (default) compiles; `'tfjs'` runs every operation eagerly on the tfjs backend that is registered; or an engine made by
   * `onnxEngine` or `tfjsEngine`, which then has its own device and threads.
   */
  engine?: 'onnx' | 'tfjs' | Engine;
}

/** @throws {JitError} `invalid-definition` for options that contradict each other */
export function chooseEngine({ engine = 'onnx', device, threads, worker }: RunOptions): Engine {
  if (engine !== 'onnx' && (device !== undefined || threads !== undefined)) {
    throw new JitError(
      'invalid-definition',
      "Expected device and threads with the engine 'onnx' alone: a tfjs backend has its own, and so has an engine that is passed in.",
    );
  }
  if (typeof engine === 'object') return engine;
  if (engine === 'tfjs') return tfjsEngine();
  if (engine !== 'onnx') {
    throw new JitError(
      'invalid-definition',
      `Expected engine to be 'onnx', 'tfjs' or an engine, got ${JSON.stringify(engine)}.`,
    );
  }
  return onnxEngine({
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(worker === undefined ? {} : { worker }),
  });
}
