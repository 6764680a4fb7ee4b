import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real Slurm of one node for tests: munged, slurmctld and slurmd of this machine, without systemd, in a folder of their own. */
export interface TestCluster {
  /** `SLURM_CONF` for Slurm's programs. */
  configuration: string;
  stop(): Promise<void>;
}

const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel', 'scontrol'];

/** Why there can be no cluster here; undefined where there can. */
export function whyNoCluster(): string | undefined {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0)
    return `${missing.join(', ')} not found (Debian: apt-get install slurmctld slurmd munge slurm-client)`;
  return process.getuid?.() === 0 ? undefined : 'slurmd needs root';
}

export async function startCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'slurm-'));
  const [controller, node] = [await freePort(), await freePort()];
  const configuration = join(folder, 'slurm.conf');
  const munge = join(folder, 'munge');
  await mkdir(munge);
  await mkdir(join(folder, 'state'));
  await mkdir(join(folder, 'spool'));
  await chmod(folder, 0o755);
  await writeFile(join(munge, 'key'), randomBytes(1024), { mode: 0o400 });
  await writeFile(configuration, clusterConfiguration(folder, controller, node));
  // Nothing is confined; only a plugin that starts is wanted. Slurm takes the directory of its configuration for this file.
  const cgroup = ['CgroupPlugin=cgroup/v1', 'IgnoreSystemd=yes', 'CgroupAutomount=no', 'ConstrainCores=no'];
  await writeFile(join(folder, 'cgroup.conf'), `${cgroup.join('\n')}\n`);
  await writeFile(join(folder, 'plugstack.conf'), '');

  const servers: ChildProcess[] = [];
  const start = (program: string, ...argv: string[]): void => {
    const env = { ...process.env, SLURM_CONF: configuration };
    servers.push(spawn(findProgram(program)!, argv, { stdio: 'ignore', env }));
  };
  const socket = join(munge, 'socket');
  const files = ['key-file=key', 'pid-file=pid', 'log-file=log', 'seed-file=seed'].map((file) => {
    const [option, name] = file.split('=');
    return `--${option}=${join(munge, name!)}`;
  });
  start('munged', '--foreground', '--force', `--socket=${socket}`, ...files);
  await sleep(300);
  start('slurmctld', '-D', '-c');
  await sleep(500);
  start('slurmd', '-D');
  const stop = async (): Promise<void> => {
    for (const server of servers.reverse()) {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 150; tries++) {
    if (nodeIsIdle(configuration)) return { configuration, stop };
    await sleep(200);
  }
  await stop();
  throw new Error('The test cluster of Slurm has no idle node after half a minute.');
}

function nodeIsIdle(configuration: string): boolean {
  try {
    const env = { ...process.env, SLURM_CONF: configuration };
    return /\bidle\b/.test(
      execFileSync('sinfo', ['-h', '-o', '%T'], { env, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    );
  } catch {
    return false;
  }
}

function clusterConfiguration(folder: string, controllerPort: number, nodePort: number): string {
  const cores = availableParallelism();
  return `${[
    'ClusterName=test',
    `SlurmctldHost=${hostname()}(127.0.0.1)`,
    `SlurmctldPort=${controllerPort}`,
    `SlurmdPort=${nodePort}`,
    'AuthType=auth/munge',
    `AuthInfo=socket=${join(folder, 'munge', 'socket')}`,
    'CredType=cred/munge',
    'SlurmUser=root',
    'SlurmdUser=root',
    `StateSaveLocation=${join(folder, 'state')}`,
    `SlurmdSpoolDir=${join(folder, 'spool')}`,
    `SlurmctldPidFile=${join(folder, 'slurmctld.pid')}`,
    `SlurmdPidFile=${join(folder, 'slurmd.pid')}`,
    `SlurmctldLogFile=${join(folder, 'slurmctld.log')}`,
    `SlurmdLogFile=${join(folder, 'slurmd.log')}`,
    `PlugStackConfig=${join(folder, 'plugstack.conf')}`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'JobAcctGatherType=jobacct_gather/none',
    'AccountingStorageType=accounting_storage/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core',
    'SchedulerParameters=sched_min_interval=10000,batch_sched_delay=0,bf_interval=1,sched_interval=1',
    'ReturnToService=2',
    'MpiDefault=none',
    'MinJobAge=300',
    'KillWait=5',
    `NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${cores} Boards=1 SocketsPerBoard=1 CoresPerSocket=${cores} ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN`,
    'PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=100',
  ].join('\n')}\n`;
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
