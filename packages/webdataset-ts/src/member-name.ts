/** A member's name split by the WebDataset rule. */
export interface MemberName {
  /** Directory and base name up to its first dot. */
  key: string;
  /** Everything behind that dot, as written. */
  suffix: string;
}

/**
 * Splits a member's name into key and suffix: `a/b.seg.png` → (`a/b`, `seg.png`).
 *
 * Dots in directories do not count. A name whose last part has no dot belongs to no sample; neither does one in the root that begins
 * with its only dot (`.hidden`), while `dir/.hidden` has the key `dir/`. This is the rule of webdataset's `base_plus_ext`.
 *
 * @returns `undefined` for a name that belongs to no sample.
 */
export function splitMemberName(name: string): MemberName | undefined {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 1);
  if (dot <= 0) return undefined;
  return { key: name.slice(0, dot), suffix: name.slice(dot + 1) };
}

/** True for webdataset's reserved names (`__meta__/…`), which belong to no sample. */
export function isReservedName(name: string): boolean {
  return /^__[^/]*__(?:$|\/)/.test(name);
}
