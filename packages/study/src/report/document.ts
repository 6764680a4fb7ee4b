/**
 * A report before it has a form: sections of plain blocks, which `render-html.ts` and `render-markdown.ts` write out. Text is plain text; no
 * answer of a model can become markup.
 */
export interface ReportDocument {
  title: string;
  /** Over the title: what this is a report of. */
  eyebrow: string;
  lead: string;
  sections: Section[];
  footer: Block[];
}

export interface Section {
  /** Target of links, unique in the document. */
  id: string;
  title: string;
  blocks: Block[];
  sections?: Section[];
}

export type Block =
  | { kind: 'paragraph'; text: string; isLead?: boolean }
  | { kind: 'list'; items: readonly string[] }
  | TableBlock
  | { kind: 'figure'; figure: Figure }
  | { kind: 'details'; summary: string; blocks: Block[] }
  | { kind: 'code'; text: string; label: string }
  | { kind: 'links'; links: readonly { href: string; text: string }[] }
  | { kind: 'samples'; samples: readonly SampleCard[] };

export interface TableBlock {
  kind: 'table';
  caption: string;
  head: readonly string[];
  /** The first cell of a row names it. */
  rows: readonly (readonly Cell[])[];
}

/** `note` stands smaller beside the number (its interval), `below` smaller under it (its seeds). */
export type Cell = string | { text: string; note?: string; below?: string; tone?: 'right' | 'wrong' | 'strong' };

/** A drawn figure: panels side by side, or one under the other on a narrow screen, with one legend and their numbers as a table. */
export interface Figure {
  id: string;
  title: string;
  caption: string;
  legend: readonly LegendEntry[];
  panels: readonly { title: string; svg: string }[];
  /** The same numbers for those who do not see the panels. */
  data: TableBlock;
}

export interface LegendEntry {
  label: string;
  colour: string;
  /** Lengths of dashes and gaps; left out: a full line. `point` alone: no line. */
  dash?: readonly number[];
}

/** One item with its picture and what every model answered. */
export interface SampleCard {
  id: string;
  question: string;
  expected: string;
  about: string;
  /** PNG bytes in base64; empty where there is none. */
  image: string;
  answers: TableBlock;
  /** Answers of further arms, folded away. */
  further?: TableBlock;
}

export const paragraph = (text: string): Block => ({ kind: 'paragraph', text });
