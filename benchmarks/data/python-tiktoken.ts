import { spawnSync } from 'node:child_process';
import { type TokenizerData, toTiktokenText } from '@vlm/tokenizer';

const program = `
import base64, json, sys, time
try:
    import tiktoken
except ImportError:
    sys.exit(3)
job = json.load(sys.stdin)
ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in job["ranks"].splitlines())}
encoding = tiktoken.Encoding("bench", pat_str=job["pattern"], mergeable_ranks=ranks, special_tokens={})
times = []
for _ in range(6):
    start = time.perf_counter()
    for text in job["texts"]:
        encoding.encode_ordinary(text)
    times.append(time.perf_counter() - start)
print(json.dumps({"version": tiktoken.__version__, "seconds": sorted(times[1:])[2]}))
`;

/**
 * Median time of the Python package on the same texts, vocabulary and pattern; `null` where the machine has none. `PYTHON` names the
 * interpreter, `python3` unless set.
 */
export function pythonTiktoken(
  data: TokenizerData,
  texts: readonly string[],
): { version: string; seconds: number } | null {
  const { status, stdout } = spawnSync(process.env['PYTHON'] ?? 'python3', ['-c', program], {
    input: JSON.stringify({ ranks: toTiktokenText(data), pattern: data.pattern, texts }),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return status === 0 ? (JSON.parse(stdout) as { version: string; seconds: number }) : null;
}
