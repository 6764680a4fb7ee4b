import { fileURLToPath } from 'node:url';
import { Contestant } from './contestant.ts';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/**
 * `@vlm/jit` as it is published: its built files, in a process that compiles nothing.
 * @param engine `onnx`; `webgpu` for the same on a graphics processor; `tfjs` for the same step run eagerly on tfjs' `cpu` backend
 */
export function startJit(
  problem: string,
  threads: number,
  engine: 'onnx' | 'webgpu' | 'tfjs' = 'onnx',
): Promise<Contestant> {
  const args = [here('./vlm-jit.mjs'), problem, String(threads), engine];
  return Contestant.start(engine === 'onnx' ? 'ours' : engine, process.execPath, args);
}

/** @param python an interpreter that has PyTorch */
export function startTorch(
  mode: 'eager' | 'compile',
  python: string,
  problem: string,
  threads: number,
): Promise<Contestant> {
  return Contestant.start(mode, python, [here('./torch_twin.py'), mode, problem, String(threads)]);
}
