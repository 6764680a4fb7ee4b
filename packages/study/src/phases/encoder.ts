import { join } from 'node:path';
import type { PhaseContext } from '../run-phase.ts';
import { writeJson } from '../store.ts';
import { encoderFile } from './features.ts';

export async function runEncoder(context: PhaseContext): Promise<Record<string, unknown>> {
  await writeJson(join(context.directory, encoderFile), {
    kind: 'bare-patches',
    imageSize: 64,
    patches: 16,
    width: 768,
  });
  return {};
}
