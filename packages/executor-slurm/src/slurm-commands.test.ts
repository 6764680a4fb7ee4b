import { describe, expect, it } from 'vitest';
import { parseSacct, parseScontrol, parseSqueue } from './slurm-commands.ts';

describe('what Slurm says', () => {
  it('reads squeue', () => {
    expect(parseSqueue('12_0|RUNNING|node7|None\n13|PENDING||Dependency\n')).toEqual([
      ['12_0', { state: 'RUNNING', node: 'node7' }],
      ['13', { state: 'PENDING', reason: 'Dependency' }],
    ]);
  });

  it('reads sacct', () => {
    expect(parseSacct('12_0|COMPLETED|node7|None\n12_1|CANCELLED by 1000|None assigned|Dependency\n')).toEqual([
      ['12_0', { state: 'COMPLETED', node: 'node7' }],
      ['12_1', { state: 'CANCELLED', reason: 'Dependency' }],
    ]);
  });

  it('reads scontrol, tasks of arrays by number and task', () => {
    const line = 'JobId=9 ArrayJobId=7 ArrayTaskId=2 JobName=x JobState=FAILED Reason=NonZeroExitCode NodeList=node1';
    expect(parseScontrol(`${line}\nJobId=11 JobName=y JobState=COMPLETED NodeList=(null)\n`)).toEqual([
      ['7_2', { state: 'FAILED', node: 'node1' }],
      ['11', { state: 'COMPLETED' }],
    ]);
  });
});
