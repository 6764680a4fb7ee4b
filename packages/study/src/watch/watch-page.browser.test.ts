import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PhaseStatus } from '../executor.ts';
import { expandStudy } from '../graph.ts';
import { presets } from '../presets/index.ts';
import { openStore } from '../store.ts';
import { axeViolations, chromiumPath } from '../testing/chromium.ts';
import { recordOf } from '../testing/store-contract.ts';
import { type WatchServer, watchStudy } from './watch-server.ts';

const study = expandStudy(presets['smoke']!);
const hardware = { cpu: 'EPYC', cores: 8, memoryBytes: 1e9, platform: 'linux x64', node: 'v20' };

describe.skipIf(!chromiumPath)('the page that follows a study, in Chromium', { timeout: 120_000 }, () => {
  let folder: string;
  let server: WatchServer;
  let browser: Browser;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watch-page-'));
    const store = await openStore(folder);
    const branch = study.phases.findIndex(({ kind }) => kind === 'branch');
    for (const phase of study.phases.slice(0, branch))
      await store.finish(phase, { ...recordOf(), hardware: { ...hardware, host: 'node-1' } });
    const phase = study.phases[branch]!;
    await mkdir(store.phaseDirectory(phase), { recursive: true });
    const rows = Array.from({ length: 30 }, (_, i) => JSON.stringify({ step: i + 1, loss: 6 - i / 10 }));
    await writeFile(join(store.phaseDirectory(phase), 'metrics.jsonl'), `${rows.join('\n')}\n`);
    let step = 30;
    const live = async (): Promise<PhaseStatus[]> => [
      {
        phase,
        state: 'running',
        host: 'node-2',
        machine: 'node-2: EPYC, 64 cores, A100 × 8',
        progress: { fraction: ++step / 100, step, steps: 100, loss: 3, rate: 1200, unit: 'tokens' },
      },
    ];
    server = await watchStudy(study, store, 0, live);
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)('tells of every arm who is at it and how far; %s and %i pixels wide', async (colorScheme, width) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(server.url);
    const row = page.locator('#arms tbody tr').first();
    await row.waitFor();
    const cells = await row.locator('th, td').allTextContents();
    expect(cells).toEqual(
      expect.arrayContaining([
        'branch-0/seed-124',
        'branch/branch-0/seed-124',
        'under way',
        '3.000',
        '1200 tokens/s',
        'node-2',
      ]),
    );
    expect(cells[3]).toMatch(/^\d+:\d\d$/);
    expect(await page.locator('#machines').textContent()).toContain('EPYC, 64 cores, A100 × 8');
    expect(await page.locator('svg path').count()).toBe(1);
    // What is shown again every two seconds stays scrolled to where its reader is.
    const phases = page.locator('#phases');
    await phases.evaluate((part) => {
      part.scrollLeft = 40;
    });
    const scrolled = await phases.evaluate(({ scrollLeft }) => scrollLeft);
    const before = await page.locator('#phases tbody').elementHandle();
    await page.waitForFunction((old) => !old?.isConnected, before);
    expect(await phases.evaluate(({ scrollLeft }) => scrollLeft)).toBe(scrolled);
    expect(scrolled > 0).toBe(width === 360);

    expect(await axeViolations(page)).toEqual([]);
    expect(errors).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.close();
  });

  it('leaves the focus on the link to the report, and says what is new alone', async () => {
    const ended = await openStore(join(folder, 'ended'));
    await ended.finish(study.phases.find(({ kind }) => kind === 'report')!, recordOf());
    const own = await watchStudy(study, ended, 0);
    const page = await browser.newPage();
    const looks = (): Promise<unknown> => page.waitForResponse(/state\.json/);
    await page.goto(own.url);
    const link = page.getByRole('link', { name: 'The report' });
    await link.waitFor();
    await link.focus();
    const status = page.getByRole('status');
    expect(await status.textContent()).toMatch(/1 of 15 phases done/);
    expect(await status.locator('a').count()).toBe(0);
    const text = await status.evaluateHandle(({ firstChild }) => firstChild);
    await looks();
    await looks();
    await page.waitForTimeout(200);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('The report');
    expect(await status.evaluate(({ firstChild }, before) => firstChild === before, text)).toBe(true);
    await page.close();
    await own.close();
  });
});
