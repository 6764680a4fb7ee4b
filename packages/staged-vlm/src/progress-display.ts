import type { Phase, PhaseProgress, StudyEvent, TimeLeft } from '@vlm/study';
import { createLogUpdate } from 'log-update';
import { formatCount, formatDuration } from './format.ts';

/** Shows a running study: a live block on a terminal, plain lines now and then elsewhere. */
export interface ProgressDisplay {
  show(event: StudyEvent): void;
  close(): void;
}

export interface DisplayOptions {
  stream: NodeJS.WriteStream;
  phaseCount: number;
  timeLeft: TimeLeft;
  /** Milliseconds since some fixed moment. */
  now(): number;
}

const plainIntervalMs = 10_000;
const liveIntervalMs = 200;

export function createProgressDisplay(options: DisplayOptions): ProgressDisplay {
  return options.stream.isTTY ? createLiveDisplay(options) : createPlainDisplay(options);
}

function createLiveDisplay({ stream, phaseCount, timeLeft, now }: DisplayOptions): ProgressDisplay {
  const live = createLogUpdate(stream, { showCursor: true });
  const running = new Map<Phase, PhaseProgress>();
  const startMs = now();
  let finished = 0;
  const draw = (): void => {
    const width = stream.columns ?? 100;
    const header = `${finished} of ${phaseCount} phases done · ${formatDuration((now() - startMs) / 1000)} so far · about ${formatDuration(timeLeft.seconds(now()))} left`;
    const lines = [...running].map(([phase, progress]) =>
      progressLine(phase, progress, timeLeft.phaseSeconds(phase, now())),
    );
    live([header, ...lines].map((line) => line.slice(0, width - 1)).join('\n'));
  };
  const persist = (line: string): void => {
    live.clear();
    stream.write(`${line}\n`);
    draw();
  };
  const timer = setInterval(draw, liveIntervalMs);
  return {
    show(event) {
      timeLeft.observe(event, now());
      if (event.type === 'phase-started') running.set(event.phase, { fraction: 0 });
      if (event.type === 'phase-progress') running.set(event.phase, event.progress);
      if (event.type === 'phase-finished' || event.type === 'phase-failed') running.delete(event.phase);
      if (event.type === 'phase-finished' || event.type === 'phase-skipped') finished++;
      const line = lastingLine(event);
      if (line) persist(line);
    },
    close() {
      clearInterval(timer);
      live.clear();
      live.done();
    },
  };
}

function createPlainDisplay({ stream, phaseCount, timeLeft, now }: DisplayOptions): ProgressDisplay {
  const lastShownMs = new Map<Phase, number>();
  let finished = 0;
  return {
    show(event) {
      timeLeft.observe(event, now());
      if (event.type === 'phase-finished' || event.type === 'phase-skipped') finished++;
      if (event.type === 'phase-started') stream.write(`▸ ${event.phase.id}\n`);
      const line = lastingLine(event);
      if (line)
        stream.write(
          `${line}${event.type === 'phase-finished' ? `  [${finished}/${phaseCount}, about ${formatDuration(timeLeft.seconds(now()))} left]` : ''}\n`,
        );
      if (
        event.type === 'phase-progress' &&
        now() - (lastShownMs.get(event.phase) ?? now() - plainIntervalMs / 2) >= plainIntervalMs
      ) {
        lastShownMs.set(event.phase, now());
        stream.write(
          `${progressLine(event.phase, event.progress, timeLeft.phaseSeconds(event.phase, now()))} · about ${formatDuration(timeLeft.seconds(now()))} in all\n`,
        );
      } else if (event.type === 'phase-progress' && !lastShownMs.has(event.phase)) {
        lastShownMs.set(event.phase, now());
      }
    },
    close() {},
  };
}

/** What stays on the screen when the live block moves on. */
function lastingLine(event: StudyEvent): string | undefined {
  const { phase } = event;
  if (event.type === 'phase-finished') return `✓ ${phase.id.padEnd(30)} ${formatDuration(event.record.seconds)}`;
  if (event.type === 'phase-skipped') return `✓ ${phase.id.padEnd(30)} already done`;
  if (event.type === 'phase-warning') return `! ${phase.id}: ${event.message}`;
  if (event.type === 'phase-failed') return `✗ ${phase.id}: ${event.error.message}`;
  return undefined;
}

const barWidth = 16;

function progressLine(phase: Phase, progress: PhaseProgress, secondsLeft: number | undefined): string {
  const filled = Math.round(Math.min(1, Math.max(0, progress.fraction)) * barWidth);
  const parts = [
    `  ${phase.id.padEnd(28)} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${String(Math.round(progress.fraction * 100)).padStart(3)} %`,
  ];
  if (progress.steps !== undefined) parts.push(`step ${progress.step ?? 0}/${progress.steps}`);
  if (progress.rate !== undefined) parts.push(`${formatCount(progress.rate)} ${progress.unit ?? 'items'}/s`);
  if (progress.loss !== undefined) parts.push(`loss ${progress.loss.toFixed(3)}`);
  if (progress.note !== undefined) parts.push(progress.note);
  if (secondsLeft !== undefined) parts.push(`${formatDuration(secondsLeft)} left`);
  return parts.join(' · ');
}
