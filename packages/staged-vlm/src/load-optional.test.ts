import { describe, expect, it } from 'vitest';
import { loadOptional } from './load-optional.ts';

const notFound = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from x.js`), { code: 'ERR_MODULE_NOT_FOUND' });

describe('loadOptional', () => {
  it('hands on what is installed', async () => {
    expect(await loadOptional('@vlm/some', async () => 7)).toBe(7);
  });

  it('says how to install what is not', async () => {
    await expect(loadOptional('@vlm/some', () => Promise.reject(notFound('@vlm/some')))).rejects.toMatchObject({
      code: 'missing-package',
      message: expect.stringContaining('npm install @vlm/some'),
    });
  });

  it('does not take a package that lacks one of its own for missing', async () => {
    const inner = notFound('ioredis');
    await expect(loadOptional('@vlm/some', () => Promise.reject(inner))).rejects.toBe(inner);
  });
});
