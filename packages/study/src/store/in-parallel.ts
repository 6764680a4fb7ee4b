/** Does something with every item, a few at a time. After a failure nothing new is begun. @returns the results in the order of the items */
export async function inParallel<Item, Result>(
  atATime: number,
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let isBroken = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !isBroken) {
      const i = next++;
      try {
        results[i] = await action(items[i]!);
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(atATime, items.length) }, worker));
  for (const outcome of workers) if (outcome.status === 'rejected') throw outcome.reason;
  return results;
}
