/** OpenLM's own numbers: logits, gradients and AdamW steps of tiny models (settings in each file's metadata). */
import { describe, expect, it } from 'vitest';
import { checkOpenLmGolden } from './openlm-golden.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { engines } from './testing/engines.ts';
import { goldenFiles } from './testing/golden.ts';

const files = goldenFiles(/^openlm-.*\.safetensors$/);

for (const { name, bytes } of files) {
  it.each(engines)(`${name} on %s: the same logits, losses, gradients and weights`, async (_, open) => {
    const { tensors } = readSafetensors(bytes);
    const report = await checkOpenLmGolden(bytes, open());
    expect(report.logits).toBeLessThan(1e-5);
    expect(report.loss).toBeLessThan(1e-5);
    expect(report.gradNorm).toBeLessThan(1e-5);
    expect(report.gradients.worst, report.gradients.name).toBeLessThan(1e-5);
    expect(report.gradients.tensors).toBe([...tensors.keys()].filter((key) => key.startsWith('grads.')).length);
    const { weights } = report;
    expect(weights.worst).toBeLessThan(1e-5);
    // Those whose gradients are all rounding: few, and less than a hundredth of what they could have moved.
    expect(weights.beyond1e5 / weights.count, weights.name).toBeLessThan(1e-4);
    expect(weights.worstOfAll).toBeLessThan(0.01 * weights.lr * weights.steps);
  });
}

describe('the comparison notices', () => {
  const [, open] = engines[0]!;
  /** A copy of the first file in which one number of one tensor is another. */
  const spoilt = (tensor: string) => {
    const { tensors, metadata } = readSafetensors(files[0]!.bytes);
    const record = Object.fromEntries(
      [...tensors].map(([key, { shape, data }]) => [key, { shape, data: data as Float32Array }]),
    );
    const data = record[tensor]!.data.slice();
    data[data.findIndex((x) => Math.abs(x) > 1e-2)]! *= 1.01;
    return writeSafetensors({ ...record, [tensor]: { ...record[tensor]!, data } }, metadata);
  };

  it.each([
    ['logits', (r: Awaited<ReturnType<typeof checkOpenLmGolden>>) => r.logits],
    ['grads.norm.weight', (r: Awaited<ReturnType<typeof checkOpenLmGolden>>) => r.gradients.worst],
    ['after.norm.weight', (r: Awaited<ReturnType<typeof checkOpenLmGolden>>) => r.weights.worst],
    ['weights.norm.weight', (r: Awaited<ReturnType<typeof checkOpenLmGolden>>) => r.loss],
  ])('another number in %s', async (tensor, errorOf) => {
    expect(errorOf(await checkOpenLmGolden(spoilt(tensor), open()))).toBeGreaterThan(1e-5);
  });

  it('a file of another kind', async () => {
    await expect(checkOpenLmGolden(writeSafetensors({}), open())).rejects.toThrow(
      /reference file of OpenLM: expected the setting "dim"/,
    );
    const { metadata } = readSafetensors(files[0]!.bytes);
    await expect(checkOpenLmGolden(writeSafetensors({}, metadata), open())).rejects.toThrow(/the tensor "/);
    await expect(checkOpenLmGolden(writeSafetensors({}, { ...metadata, dim: 'wide' }), open())).rejects.toThrow(
      /a number as "dim"/,
    );
  });
});
