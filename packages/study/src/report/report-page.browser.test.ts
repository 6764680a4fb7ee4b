import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presets } from '../presets/index.ts';
import { addSweeps } from '../sweeps/index.ts';
import { axeViolations, chromiumPath } from '../testing/chromium.ts';
import { madeUpResults } from '../testing/made-up-results.ts';
import { renderHtml } from './render-html.ts';
import { drawFigures, reportDocument } from './report-document.ts';

describe.skipIf(!chromiumPath)('the report in Chromium', { timeout: 120_000 }, () => {
  let folder: string;
  let url: string;
  let browser: Browser;
  beforeAll(async () => {
    const results = madeUpResults(
      addSweeps({ ...presets['quick']!, arms: presets['quick']!.arms.slice(4) }, ['encoder']),
      () => 0.5,
    );
    folder = await mkdtemp(join(tmpdir(), 'report-page-'));
    const path = join(folder, 'report.html');
    await writeFile(path, renderHtml(reportDocument(results, await drawFigures(results))));
    url = pathToFileURL(path).href;
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)(
    'has nothing that axe-core objects to, %s and %i pixels wide, with everything unfolded',
    async (colorScheme, width) => {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      await page.goto(url);
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
      });
      expect(await axeViolations(page)).toEqual([]);
      expect(errors).toEqual([]);
      // Tables and figures scroll by themselves; the page does not.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await page.close();
    },
  );

  it('is read with the keyboard: the first stop leads to the report, every scrolling part is a stop with a name', async () => {
    const page = await browser.newPage();
    await page.goto(url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('To the report');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    const unnamed = await page.evaluate(
      () => [...document.querySelectorAll('[tabindex="0"]')].filter((part) => !part.getAttribute('aria-label')).length,
    );
    expect(unnamed).toBe(0);
    await page.close();
  });

  it('prints on pages that hold their width', async () => {
    const page = await browser.newPage();
    await page.goto(url);
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 720, height: 1000 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(720);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(20_000);
    await page.close();
  });
});
