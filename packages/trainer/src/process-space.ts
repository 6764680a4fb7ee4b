import { readFileSync, readlinkSync } from 'node:fs';

let known: string | undefined | null = null;

/**
 * Which processes the number of this one can be told among: the boot and the process namespace, where the system names them (Linux). Two containers may
 * share a host name and both have a process 7, and after a boot the numbers begin again.
 */
export function processSpace(): string | undefined {
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
