import { readFile } from 'node:fs/promises';
import { onnxEngine, tfjsEngine } from '@vlm/jit';
import { checkOpenLmGolden, type OpenLmGoldenReport } from '@vlm/model';

/** What an engine may be off: logits, losses and gradients relative to their largest number, weights absolutely. */
const limit = 1e-5;

export interface GoldenLine {
  engine: string;
  quantity: string;
  error: number;
  isOk: boolean;
  note: string;
}

/**
 * Compares the compiled engine and tfjs' own CPU backend with a file of OpenLM's numbers.
 * @param path a safetensors file of weights, tokens, logits, gradients and weights after some AdamW steps
 */
export async function checkGolden(path: string): Promise<GoldenLine[]> {
  const bytes = await readFile(path);
  const lines: GoldenLine[] = [];
  for (const engine of [onnxEngine({ threads: 1, worker: false }), tfjsEngine({ backend: 'cpu' })]) {
    lines.push(...describe(engine.name, await checkOpenLmGolden(bytes, engine)));
  }
  return lines;
}

function describe(engine: string, report: OpenLmGoldenReport): GoldenLine[] {
  const { logits, loss, gradNorm, gradients, weights } = report;
  const line = (quantity: string, error: number, note: string, isOk = error < limit): GoldenLine => {
    return { engine, quantity, error, isOk, note };
  };
  const undetermined = `${weights.beyond1e5} of ${weights.count} beyond 1e-5 (${weights.name}), their gradients being all rounding`;
  return [
    line('logits', logits, 'relative'),
    line('loss', loss, `relative, worst of ${weights.steps} steps`),
    line('gradient norm', gradNorm, `relative, worst of ${weights.steps} steps`),
    line('gradients', gradients.worst, `relative, worst of ${gradients.tensors} tensors (${gradients.name})`),
    line(
      'weights',
      weights.worst,
      `absolute, after ${weights.steps} steps, where the gradient is above its own accuracy`,
    ),
    line(
      'weights, all',
      weights.worstOfAll,
      weights.beyond1e5 === 0 ? 'absolute' : `absolute; ${undetermined}`,
      weights.worstOfAll < 0.01 * weights.lr * weights.steps,
    ),
  ];
}
