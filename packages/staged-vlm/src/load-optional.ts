import { StudyError } from '@vlm/study';

/**
 * Loads a package that only some users need.
 *
 * @throws StudyError `missing-package` that says how to install it
 * @example const { bullmqExecutor } = await loadOptional('@vlm/executor-bullmq', () => import('@vlm/executor-bullmq'));
 */
export async function loadOptional<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(name)) throw error;
    throw new StudyError('missing-package', `This needs the package ${name}: \`npm install ${name}\`.`, {
      cause: error,
    });
  }
}
