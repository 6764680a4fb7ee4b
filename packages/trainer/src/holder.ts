import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process that has something for itself, as locks and claims name it. */
export interface ProcessHolder {
  pid: number;
  host: string;
  /** When it took what it holds. */
  since: string;
  /**
   * Which processes its number can be told among: the boot and the process namespace, where the system names them (Linux). Two containers may share a
   * host name and both have a process 7, and after a boot the numbers begin again.
   */
  processes?: string;
}

/** This process, as a holder from now on. */
export function thisHolder(): ProcessHolder {
  const processes = processSpace();
  return {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    ...(processes === undefined ? {} : { processes }),
  };
}

/** Whether its number names a process here: another machine, boot or container has numbers of its own. */
export function isHere(holder: ProcessHolder): boolean {
  const here = processSpace();
  const isSameSpace = holder.processes === undefined || here === undefined || holder.processes === here;
  return holder.host === hostname() && isSameSpace;
}

/** True only where it is certain: a process that is not here cannot be seen and may live. */
export function isDead(holder: ProcessHolder): boolean {
  if (!isHere(holder)) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Whether it ran before the last boot of a machine of this name. */
export function isOfEarlierBoot({ host, processes }: ProcessHolder): boolean {
  const here = processSpace();
  return host === hostname() && processes !== undefined && here !== undefined && bootOf(processes) !== bootOf(here);
}

const bootOf = (processes: string): string => processes.split(' ')[0]!;

let known: string | undefined | null = null;

function processSpace(): string | undefined {
  if (known === null) {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      known = `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
    } catch {
      known = undefined;
    }
  }
  return known;
}
