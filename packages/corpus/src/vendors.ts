import { readPackageFile, readPackageFileNames, readPackageJson } from './packages.ts';

/** What a vendor's drawings may be used for; no split crosses this line. */
export type VendorRole = 'train' | 'validation' | 'test';

export interface Vendor {
  id: string;
  package: string;
  /** Vendors with the same style name count as one: fluent's flat and 3D art are near-duplicates. */
  style: string;
  role: VendorRole;
}

/** The ten artists, in fixed order. */
export const vendors: readonly Vendor[] = [
  { id: 'noto', package: '@iconify-json/noto', style: 'noto', role: 'train' },
  { id: 'twemoji', package: '@iconify-json/twemoji', style: 'twemoji', role: 'train' },
  { id: 'fluent-flat', package: '@iconify-json/fluent-emoji-flat', style: 'fluent', role: 'train' },
  { id: 'fluent-3d', package: '@lobehub/fluent-emoji-3d', style: 'fluent', role: 'train' },
  { id: 'emojione', package: '@iconify-json/emojione', style: 'emojione', role: 'train' },
  { id: 'noto-v1', package: '@iconify-json/noto-v1', style: 'noto-v1', role: 'train' },
  { id: 'fxemoji', package: '@iconify-json/fxemoji', style: 'fxemoji', role: 'train' },
  { id: 'streamline', package: '@iconify-json/streamline-emojis', style: 'streamline', role: 'train' },
  { id: 'emojione-v1', package: '@iconify-json/emojione-v1', style: 'emojione-v1', role: 'validation' },
  { id: 'openmoji', package: '@iconify-json/openmoji', style: 'openmoji', role: 'test' },
];

/** A drawing as it lies in its package. */
export type Drawing = { kind: 'svg'; text: string } | { kind: 'image'; bytes: Buffer };

/** Finds a vendor's drawing of an emoji. */
export interface VendorLibrary {
  /** @returns a name to give to `read`, or undefined where the vendor has no such drawing */
  find(hexcode: string, label: string): string | undefined;
  /** The drawing, `size` pixels wide and high where it is vector art. */
  read(name: string, size: number): Drawing;
}

/** An emoji's label as icon sets spell it: `T-Rex` → `t-rex`, `piñata` → `pinata`. */
export function slug(label: string): string {
  return label
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[’'“”.!,()]/g, '')
    .replace(/&/g, 'and')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

interface Icon {
  body?: string;
  parent?: string;
  left?: number;
  top?: number;
  width?: number;
  height?: number;
  rotate?: number;
  hFlip?: boolean;
  vFlip?: boolean;
}
interface IconSet {
  icons: Record<string, Icon>;
  aliases?: Record<string, Icon>;
  width?: number;
  height?: number;
}

/** An icon with its alias chain resolved: what comes nearer to the asked name wins, flips add up. */
function resolveIcon(set: IconSet, name: string): Icon {
  const icon = set.icons[name];
  if (icon) return icon;
  const { parent, ...own } = set.aliases![name]!;
  const base = resolveIcon(set, parent!);
  return {
    ...base,
    ...own,
    rotate: (base.rotate ?? 0) + (own.rotate ?? 0),
    hFlip: (base.hFlip ?? false) !== (own.hFlip ?? false),
    vFlip: (base.vFlip ?? false) !== (own.vFlip ?? false),
  };
}

/** The icon as a whole SVG document. */
function svgText(set: IconSet, icon: Icon, size: number): string {
  const [left, top] = [icon.left ?? 0, icon.top ?? 0];
  const [width, height] = [icon.width ?? set.width ?? 16, icon.height ?? set.height ?? 16];
  const [cx, cy] = [left + width / 2, top + height / 2];
  const moves: string[] = [];
  if (icon.rotate) moves.push(`rotate(${icon.rotate * 90} ${cx} ${cy})`);
  if (icon.hFlip || icon.vFlip)
    moves.push(
      `translate(${icon.hFlip ? 2 * cx : 0} ${icon.vFlip ? 2 * cy : 0}) scale(${icon.hFlip ? -1 : 1} ${icon.vFlip ? -1 : 1})`,
    );
  const body = moves.length > 0 ? `<g transform="${moves.join(' ')}">${icon.body}</g>` : icon.body;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size}" height="${size}" viewBox="${left} ${top} ${width} ${height}">${body}</svg>`;
}

function iconifyLibrary(vendor: Vendor): VendorLibrary {
  const set = readPackageJson<IconSet>(vendor.package, 'icons.json');
  const names = readPackageJson<Record<string, string>>(vendor.package, 'chars.json');
  const has = (name: string): boolean => Object.hasOwn(set.icons, name) || Object.hasOwn(set.aliases ?? {}, name);
  return {
    find(hexcode, label) {
      for (const code of codePointSpellings(hexcode)) {
        const name = names[code];
        if (name !== undefined && has(name)) return name;
      }
      const base = slug(label);
      const spellings = vendor.id === 'fxemoji' ? [base.replaceAll('-', ''), base] : [base];
      return spellings.find(has);
    },
    read: (name, size) => ({ kind: 'svg', text: svgText(set, resolveIcon(set, name), size) }),
  };
}

function fluent3dLibrary(vendor: Vendor): VendorLibrary {
  const names = new Set(readPackageFileNames(vendor.package, 'assets'));
  return {
    find: (hexcode) => codePointSpellings(hexcode).find((code) => names.has(`${code}.webp`)),
    read: (name) => ({ kind: 'image', bytes: readPackageFile(vendor.package, `assets/${name}.webp`) }),
  };
}

/** Packages disagree on the variation selector fe0f. */
function codePointSpellings(hexcode: string): string[] {
  const code = hexcode.toLowerCase();
  return [code, code.replaceAll('-fe0f', ''), `${code}-fe0f`];
}

/** Opens a vendor's package. @throws CorpusError `missing-package`, `broken-package` */
export function openVendor(vendor: Vendor): VendorLibrary {
  return vendor.id === 'fluent-3d' ? fluent3dLibrary(vendor) : iconifyLibrary(vendor);
}
