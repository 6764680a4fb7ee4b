import type { SweepName } from '../sweeps/names.ts';

/** What the paper itself reports where a sweep asks the same question. */
export interface PaperNumbers {
  source: string;
  columns: string[];
  rows: [label: string, ...values: string[]][];
}

/** Keh et al., arXiv 2503.07603: the tables whose numbers are printed; its figures are not read off. */
export const paperNumbers: Readonly<Partial<Record<SweepName, PaperNumbers>>> = {
  encoder: {
    source: 'Table 6, stable scores',
    columns: ['vision', 'text'],
    rows: [
      ['SigLIP', '.4607', '.1503'],
      ['SigLIP + DINO', '.4696', '.1347'],
      ['bare patches', '.1564', '.1503'],
    ],
  },
  captions: {
    source: 'Table 5, stable scores',
    columns: ['vision', 'text'],
    rows: [
      ['DataComp', '.4603', '.1168'],
      ['DataComp-DR', '.4607', '.1503'],
      ['CC12M', '.4556', '.1298'],
      ['ShutterStock', '.4518', '.1310'],
    ],
  },
  seeds: {
    source: 'Table 7, VQAv2 after one and two epochs from the 20 % checkpoint',
    columns: ['1 % images', '5 %', '10 %'],
    rows: [
      ['seed 7, 1 epoch', '73.83', '75.36', '75.39'],
      ['seed 365, 1 epoch', '74.46', '75.39', '75.55'],
      ['seed 7, 2 epochs', '75.39', '76.39', '76.50'],
      ['seed 365, 2 epochs', '75.90', '76.47', '76.58'],
    ],
  },
};
