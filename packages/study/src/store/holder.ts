import { hostname } from 'node:os';
import { type ProcessHolder, thisHolder } from '@vlm/trainer';

/** A process that has something of a store for itself. */
export type StoreHolder = ProcessHolder;
export { thisHolder };

/** Whether its number names a process here: another machine, boot or container has numbers of its own. */
export function isHere(holder: StoreHolder): boolean {
  const here = thisHolder().processes;
  const isSameSpace = holder.processes === undefined || here === undefined || holder.processes === here;
  return holder.host === hostname() && isSameSpace;
}

/** True only where it is certain: a process that is not here cannot be seen and may live. */
export function isDead(holder: StoreHolder): boolean {
  if (!isHere(holder)) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
