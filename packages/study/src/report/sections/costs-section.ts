import { hardwareText } from '../../hardware.ts';
import type { PhaseHardware } from '../../store.ts';
import type { Cell, Section } from '../document.ts';
import { count, duration } from '../format-numbers.ts';
import { paperCosts } from '../paper-numbers.ts';
import type { StudyResults } from '../results.ts';
import { paperTable } from './paper-table.ts';

/** What the study cost here: time, memory, hardware, and what sharing saved. */
export function costsSection(results: StudyResults): Section {
  const { phases, plan } = results;
  const seconds = phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const peak = Math.max(0, ...phases.map(({ peakBytes }) => peakBytes));
  const saved = plan.naive.flops / Math.max(1, plan.all.flops);
  return {
    id: 'costs',
    title: 'What it cost',
    blocks: [
      {
        kind: 'paragraph',
        text: `${duration(seconds)} of phases, counted one after the other, on ${machinesText(results)}, each phase on ${results.recipe.threads === 1 ? 'one core' : `${results.recipe.threads} cores`}; at most ${(peak / 2 ** 20).toFixed(0)} MiB a phase. A phase that was stopped counts the attempt that ended it. ${count(plan.all.flops)} floating-point operations were planned; every model by itself would have been ${saved.toFixed(1)} times as many.`,
      },
      kindTable(results),
      paperTable(paperCosts),
      {
        kind: 'details',
        summary: `The ${phases.length} phases: identity, time, peak memory, machine`,
        blocks: [
          {
            kind: 'table',
            caption: 'Phases',
            head: ['phase', 'identity', 'time', 'peak memory', 'machine'],
            rows: phases.map(({ id, hash, seconds: own, peakBytes, hardware }): Cell[] => [
              id,
              hash,
              `${own.toFixed(1)} s`,
              `${(peakBytes / 2 ** 20).toFixed(0)} MiB`,
              hardware ? phaseHardwareText(hardware) : '',
            ]),
          },
        ],
      },
    ],
  };
}

function kindTable({ phases }: StudyResults): Section['blocks'][number] {
  const kinds = [...new Set(phases.map(({ kind }) => kind))];
  return {
    kind: 'table',
    caption: 'Time and memory by kind of phase',
    head: ['kind', 'phases', 'time in all', 'time a phase', 'most memory'],
    rows: kinds.map((kind): Cell[] => {
      const own = phases.filter((phase) => phase.kind === kind);
      const total = own.reduce((sum, { seconds }) => sum + seconds, 0);
      return [
        kind,
        String(own.length),
        duration(total),
        `${(total / own.length).toFixed(1)} s`,
        `${(Math.max(...own.map(({ peakBytes }) => peakBytes)) / 2 ** 20).toFixed(0)} MiB`,
      ];
    }),
  };
}

/** The machines that did the phases; the one that wrote the report where older records do not say. */
function machinesText({ phases, machine }: StudyResults): string {
  const machines = phases.flatMap(({ hardware }) => (hardware ? [hardware] : []));
  const known = machines.length > 0 ? machines : [machine];
  const text = ({ cpu, cores, memoryBytes, platform }: StudyResults['machine']): string =>
    `${cpu} (${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${platform})`;
  return [...new Set(known.map(text))].join(' and ');
}

function phaseHardwareText(hardware: PhaseHardware): string {
  const { threads } = hardware;
  const used = threads === undefined ? '' : `; ${threads} ${threads === 1 ? 'thread' : 'threads'} used`;
  return `${hardwareText(hardware)}${used}`;
}
