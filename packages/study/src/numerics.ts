import { numericsVersion } from './identity.ts';

/** What the bits of a run depend on besides its recipe; a checkpoint made under another is not resumed. */
export function numericsName(threads: number): string {
  return `onnxruntime-cpu/threads-${threads}/numerics-${numericsVersion}`;
}
