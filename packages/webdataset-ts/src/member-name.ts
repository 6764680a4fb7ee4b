/** A member's name split by the WebDataset rule. */
export interface MemberName {
  /** Directory and base name up to its first dot. */
  key: string;
  /** Everything behind that dot, as written. */
  suffix: string;
}

/**
 * Splits a member's name into key and suffix at the first dot of its last part: `x.y/b.seg.png` → (`x.y/b`, `seg.png`).
 *
 * A name whose last part has no dot belongs to no sample. A last part that begins with a dot leaves the directory as the key
 * (`dir/.hidden` → `dir/`), if that directory's own name has no dot; in the root it belongs to no sample. This is the rule of webdataset's `base_plus_ext`, except
 * that a line break in a directory's name is a character like any other.
 *
 * @returns `undefined` for a name that belongs to no sample.
 */
export function splitMemberName(name: string): MemberName | undefined {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 1);
  if (dot < 0) return undefined;
  if (dot === slash + 1) {
    if (slash < 0 || name.slice(name.lastIndexOf('/', slash - 1) + 1, slash).includes('.')) return undefined;
  }
  return { key: name.slice(0, dot), suffix: name.slice(dot + 1) };
}

/** True for webdataset's reserved names (`__meta__/…`), which belong to no sample. */
export function isReservedName(name: string): boolean {
  return /^__[^/]*__(?:$|\/)/.test(name);
}
