import { createRequire } from 'node:module';
import { numericsVersion } from '../identity.ts';

/** What the numbers were made with: this package, the arithmetic, the engine, and the packages that the corpus was built from. */
export function packageVersions(reportHash: string, corpusSummary: Record<string, unknown>): Record<string, string> {
  const require = createRequire(import.meta.url);
  const versionOf = (from: NodeRequire, name: string): string =>
    (from(`${name}/package.json`) as { version: string }).version;
  const engine = createRequire(require.resolve('@vlm/jit/package.json'));
  return {
    'staged-vlm': versionOf(require, '@vlm/study'),
    numerics: String(numericsVersion),
    node: process.versions.node,
    'onnxruntime-node': versionOf(engine, 'onnxruntime-node'),
    '@tensorflow/tfjs-core': versionOf(engine, '@tensorflow/tfjs-core'),
    ...((corpusSummary['manifest'] as { packages?: Record<string, string> } | undefined)?.packages ?? {}),
    report: reportHash,
  };
}
