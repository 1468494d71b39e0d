import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchModule } from '../../../signaling/cli/bench-module';
import type { Context } from '../../../signaling/cli/context';
import type { Config } from '../../../signaling/config';
import { OffhookError } from '../../../signaling/errors';
import type { Logger } from '../../../signaling/log';
import { offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

interface Served {
  config?: Config;
}

function server(served: Served, result: number | Error, log?: (log: Logger) => void): Partial<Context> {
  return {
    loadServer: async () => ({
      serve: async (config: Config, logger: Logger) => {
        served.config = config;
        log?.(logger);
        if (result instanceof Error) throw result;
        return result;
      },
    }),
  };
}

describe('serve', () => {
  it('hands the settings to the server: flags, --set, file, defaults', async () => {
    const file = join(folder.path, 'offhook.yaml');
    writeFileSync(file, 'call: { ringSeconds: 20, maxCalls: 7 }\n');
    const served: Served = {};
    const argv = ['serve', '--config', file, '--data', 'd', '--sip', '127.0.0.1:5070', '--set', 'call.ringSeconds=30', '--set', 'sip.realm=a=b',
      '--drachtio', '127.0.0.1:9022', '--drachtio-secret', 'cymru'];
    expect(await offhook(folder.path, argv, server(served, 0))).toEqual({ code: 0, out: '', err: '' });
    expect(served.config).toMatchObject({
      data: join(folder.path, 'd'),
      sip: { listen: [{ host: '127.0.0.1', port: 5070 }], realm: 'a=b' },
      call: { ringSeconds: 30, maxCalls: 7 },
      drachtio: { host: '127.0.0.1', port: 9022, secret: 'cymru' },
    });
  });

  it('ends with the exit code of the server', async () => {
    expect((await offhook(folder.path, ['serve'], server({}, 1))).code).toBe(1);
  });

  it('says in one sentence what the server could not do', async () => {
    const taken = new OffhookError('start.bad-setting', { setting: 'sip.listen', reason: 'UDP port 5060 on 0.0.0.0 is taken.' });
    expect(await offhook(folder.path, ['serve'], server({}, taken))).toEqual({ code: 2, out: '', err: 'offhook: sip.listen: UDP port 5060 on 0.0.0.0 is taken.\n' });
    const bug = await offhook(folder.path, ['serve'], server({}, new TypeError('x is undefined')));
    expect(bug).toEqual({ code: 1, out: '', err: 'offhook: Unexpected TypeError: x is undefined\n' });
  });

  it('logs to stderr at the level of the settings', async () => {
    const talk = (log: Logger) => {
      log.info('quiet please');
      log.error({ part: 'x' }, 'loud');
    };
    const { err, out } = await offhook(folder.path, ['serve', '--set', 'log.level=warn', '--set', 'log.format=json'], server({}, 0, talk));
    expect(out).toBe('');
    expect(err.trim().split('\n').map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['loud']);
  });

  it('warns of variables that are no settings', async () => {
    const { err } = await offhook(folder.path, ['serve'], { ...server({}, 0), env: { OFFHOOK_SIP_RELM: 'x' } });
    expect(err).toContain('OFFHOOK_SIP_RELM is not a setting');
  });

  it.each([
    [['serve', '--sip', 'nonsense:x'], 'sip.listen is “nonsense:x” (from --sip), but must be'],
    [['serve', '--set', 'sip.relm=x'], 'Did you mean sip.realm?'],
    [['serve', '--set', 'sip.realm'], 'It must be KEY=VALUE.'],
    [['serve', '--config', 'nowhere.yaml'], 'there is no such file'],
    [['serve', '--drachtio', '127.0.0.1'], '--drachtio-secret'],
    [['serve', '--porrt', '1'], "unknown option '--porrt'"],
    [['serve', 'extra'], 'too many arguments'],
  ])('refuses %j before anything starts', async (argv, sentence) => {
    const served: Served = {};
    const outcome = await offhook(folder.path, argv, server(served, 0));
    expect([outcome.code, outcome.out, served.config]).toEqual([2, '', undefined]);
    expect(outcome.err).toContain(sentence);
    expect(outcome.err).toMatch(/^offhook: /);
    expect(outcome.err).not.toMatch(/\n\s+at /);
  });
});

describe('help', () => {
  it('is printed when asked for, exit code 0, with every setting', async () => {
    const { code, out, err } = await offhook(folder.path, ['serve', '--help']);
    expect([code, err]).toEqual([0, '']);
    for (const text of ['--sip <host:port>', '--drachtio-secret <secret>', '--set <key=value>', 'registrar.maxContacts', 'media.portMin']) expect(out).toContain(text);
  });

  it('lists the commands', async () => {
    const { out } = await offhook(folder.path, ['--help']);
    for (const name of ['serve', 'extension', 'config', 'bench']) expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  });

  it.each([[[]], [['extension']]])('is shown for %j, which is no command: exit code 2', async (argv) => {
    const { code, out, err } = await offhook(folder.path, argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage: offhook');
  });

  it('suggests the command that was meant', async () => {
    const { code, err } = await offhook(folder.path, ['serv']);
    expect([code, err]).toEqual([2, "offhook: unknown command 'serv'\n(Did you mean serve?)\n"]);
  });
});

describe('config', () => {
  it('prints the settings in force without secrets', async () => {
    const { code, out } = await offhook(folder.path, ['config', '--sip', '[::1]:5080'], { env: { OFFHOOK_ENGINE_SECRET: 'never-print-this' } });
    expect(code).toBe(0);
    expect(out).toContain('listen: ["[::1]:5080"] # --sip');
    expect(out).not.toContain('never-print-this');
  });

  it('prints a sample file, which can be used', async () => {
    const sample = await offhook(folder.path, ['config', '--sample']);
    const file = join(folder.path, 'sample.yaml');
    writeFileSync(file, sample.out);
    const plain = await offhook(folder.path, ['config']);
    expect(await offhook(folder.path, ['config', '--config', file])).toEqual(plain);
  });
});

describe('bench', () => {
  const module = (seen: string[][]): BenchModule => ({
    run: async (names, io) => {
      seen.push(names);
      io.out('result');
      io.err('progress');
      return 3;
    },
  });

  it('runs the benchmarks that are named and ends with their exit code', async () => {
    const seen: string[][] = [];
    const outcome = await offhook(folder.path, ['bench', 'calls', 'relay'], { loadBench: async () => module(seen) });
    expect([outcome, seen]).toEqual([{ code: 3, out: 'result\n', err: 'progress\n' }, [['calls', 'relay']]]);
  });

  it('says when they are not part of this installation', async () => {
    const loadBench = () => Promise.reject(new OffhookError('command.no-bench', { file: '/x/index.js' }));
    const { code, err } = await offhook(folder.path, ['bench'], { loadBench });
    expect([code, err]).toEqual([1, 'offhook: The benchmarks are not part of this installation: /x/index.js is missing.\n']);
  });
});
