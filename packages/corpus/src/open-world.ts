import { chooseConcepts, loadConcepts, openLibraries } from './concepts.ts';
import { CorpusError } from './errors.ts';
import { type CorpusSettings, validateSettings } from './settings.ts';
import { needsSigns, openSigns } from './signs.ts';
import { makeSpriteSheet } from './sprites.ts';
import { vendors } from './vendors.ts';
import type { WorldData } from './world.ts';

/**
 * Chooses the concepts and renders their drawings: all that scenes are made from.
 * @throws CorpusError `invalid-settings`, `not-enough-data`, `missing-package`, `broken-package`, `aborted`
 */
export async function openWorld(settings: CorpusSettings, signal?: AbortSignal): Promise<WorldData> {
  validateSettings(settings);
  const libraries = openLibraries();
  const all = loadConcepts(libraries);
  const heldOutVendor = vendors.find((vendor) => vendor.role === settings.heldOut)!.id;
  const trained = chooseConcepts(all, 'train', settings.concepts, [heldOutVendor]);
  const heldOut = chooseConcepts(all, settings.heldOut, settings.heldOutConcepts, []);
  if (trained.length < settings.concepts || heldOut.length < settings.heldOutConcepts)
    throw new CorpusError(
      'not-enough-data',
      `Settings ask for ${settings.concepts} concepts and ${settings.heldOutConcepts} held-out ones; the installed packages have ${trained.length} and ${heldOut.length}.`,
    );
  const concepts = [...trained, ...heldOut];
  const usable = new Set(vendors.filter((vendor) => vendor.role === 'train').map((vendor) => vendor.id)).add(
    heldOutVendor,
  );
  const size = Math.max(48, Math.ceil((settings.imageSize * settings.objectSize[1] * 2) / 16) * 16);
  const sheet = await makeSpriteSheet(concepts, libraries, { size: Math.min(size, 256), vendorIds: usable, signal });
  const signs = needsSigns(settings) ? await openSigns(concepts.map(({ label }) => label)) : undefined;
  return { settings, concepts, trainConcepts: trained.length, sheet, heldOutVendor, ...(signs ? { signs } : {}) };
}
