/** A caption as words for n-gram metrics: lower case, punctuation gone, one space between words; apostrophes and hyphens stay inside words. */
export function captionWords(text: string): string {
  return (text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? []).join(' ');
}
