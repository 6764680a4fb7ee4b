import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PhaseRunner } from '@vlm/study';
import { runTask } from '../run-task.ts';

/** Does what jobs of the test cluster ask for, in this process. */
export interface TaskAnswers {
  /** What the jobs run. */
  command: string[];
  stop(): Promise<void>;
}

export async function answerTasks(folder: string, runner: PhaseRunner): Promise<TaskAnswers> {
  await mkdir(folder, { recursive: true });
  const isThere = (name: string): Promise<boolean> =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    );
  const answer = async (name: string): Promise<void> => {
    const [taskFile = '', task = '0'] = (await readFile(join(folder, `${name}.taken`), 'utf8')).split('\n');
    const abort = new AbortController();
    const watch = setInterval(async () => {
      if (await isThere(`${name}.stop`)) abort.abort();
    }, 50);
    const said = await runTask({
      taskFile,
      task: Number(task),
      runner,
      signal: abort.signal,
      onWarning: () => {},
    }).then(
      () => '0\ndone\n',
      (error: Error) => `1\n${error.message}\n`,
    );
    clearInterval(watch);
    await rm(join(folder, `${name}.stop`), { force: true });
    await writeFile(join(folder, `${name}.answer`), said);
    await rename(join(folder, `${name}.answer`), join(folder, `${name}.done`));
  };
  let isOpen = true;
  const loop = (async () => {
    while (isOpen) {
      for (const file of await readdir(folder)) {
        if (!file.endsWith('.ask')) continue;
        const name = file.slice(0, -'.ask'.length);
        await rename(join(folder, file), join(folder, `${name}.taken`));
        void answer(name);
      }
      await sleep(20);
    }
  })();
  return {
    command: [fileURLToPath(new URL('ask-test.sh', import.meta.url)), folder],
    async stop() {
      isOpen = false;
      await loop;
    },
  };
}
