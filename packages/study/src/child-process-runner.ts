import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PhaseProgress, PhaseRunner } from './executor.ts';
import type { Phase, Study } from './graph.ts';
import type { CacheOptions, PhaseRecord, Store } from './store.ts';
import { StudyError, type StudyErrorCode } from './study-error.ts';

/** What the parent asks of a phase's process. */
export interface PhaseRequest {
  /** What to open the store with. */
  location: string;
  cache: CacheOptions | undefined;
  phase: Phase;
  study: Study;
}

/** What a phase's process says. */
export type PhaseMessage =
  | { type: 'progress'; progress: PhaseProgress }
  | { type: 'warning'; message: string }
  | { type: 'done'; record: PhaseRecord }
  | { type: 'failed'; error: { name: string; message: string; code?: string; stack?: string } };

/**
 * Runs each phase in a child process of its own: its memory is given back at its end, a crash takes nothing else down, and phases run
 * side by side on separate cores.
 */
export function childProcessRunner(store: Store): PhaseRunner {
  return {
    async run(phase, study, { signal, onProgress, onWarning }) {
      // A signal that has fired tells nobody again.
      if (signal.aborted) throw new StudyError('interrupted', `Phase ${phase.id} was stopped before it began.`);
      return new Promise<PhaseRecord>((resolve, reject) => {
        const child = fork(phaseProcessPath(), [], {
          execArgv: phaseProcessArguments(),
          serialization: 'advanced',
          stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        });
        let outcome: PhaseMessage | undefined;
        let stderr = '';
        child.stderr?.on('data', (chunk: Buffer) => {
          stderr = (stderr + chunk.toString('utf8')).slice(-4000);
        });
        child.on('message', (message: PhaseMessage) => {
          if (message.type === 'progress') onProgress(message.progress);
          else if (message.type === 'warning') onWarning(message.message);
          else outcome = message;
        });
        const abort = (): void => void child.kill('SIGTERM');
        signal.addEventListener('abort', abort, { once: true });
        child.on('error', reject);
        child.on('close', (exitCode, exitSignal) => {
          signal.removeEventListener('abort', abort);
          if (outcome?.type === 'done') return resolve(outcome.record);
          reject(
            outcome?.type === 'failed'
              ? rebuildError(phase, outcome.error)
              : crashError(phase, exitCode, exitSignal, stderr),
          );
        });
        const { location, cache } = store;
        child.send({ location, cache, phase, study } satisfies PhaseRequest);
      });
    },
  };
}

/** From source the child needs a TypeScript loader; from a build it is plain JavaScript. */
function phaseProcessPath(): string {
  return fileURLToPath(import.meta.url).replace(/child-process-runner\.(ts|js)$/, 'phase-process.$1');
}

function phaseProcessArguments(): string[] {
  return phaseProcessPath().endsWith('.ts') ? ['--import', 'tsx', '--conditions=@vlm/source'] : [];
}

function rebuildError(
  phase: Phase,
  error: { name: string; message: string; code?: string; stack?: string },
): StudyError {
  const isOurs = error.name === 'StudyError' && error.code !== undefined;
  const code = isOurs ? (error.code as StudyErrorCode) : 'phase-failed';
  const rebuilt = new StudyError(code, `Phase ${phase.id} failed: ${error.message}`);
  if (error.stack) rebuilt.stack = `${rebuilt.name}: ${rebuilt.message}\n  in the phase's process: ${error.stack}`;
  return rebuilt;
}

function crashError(
  phase: Phase,
  exitCode: number | null,
  exitSignal: NodeJS.Signals | null,
  stderr: string,
): StudyError {
  const how = exitSignal ? `was ended by ${exitSignal}` : `exited with code ${exitCode}`;
  const memory =
    exitSignal === 'SIGKILL'
      ? ' The system may have run out of memory: try fewer phases at once with --workers 1.'
      : '';
  return new StudyError(
    'phase-failed',
    `The process of phase ${phase.id} ${how} before it was done.${memory}${stderr ? `\n${stderr}` : ''}`,
  );
}
