import { createLogger, type LogLevel, silentLogger } from '../../../signaling/log';

function collect(level: LogLevel, format: 'text' | 'json') {
  const lines: string[] = [];
  return { lines, log: createLogger({ level, format, write: (line) => lines.push(line) }) };
}

describe('the logger', () => {
  it('writes JSON lines for machines, with the fields of its part', () => {
    const { lines, log } = collect('info', 'json');
    log.child({ part: 'registrar' }).info({ number: '1001' }, 'registered');
    const line = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 30, part: 'registrar', number: '1001', msg: 'registered' });
    expect(lines[0]).toMatch(/\n$/);
    expect(line).not.toHaveProperty('hostname');
  });

  it('writes text for people, an error as its message and not as a stack', () => {
    const { lines, log } = collect('debug', 'text');
    log.child({ part: 'store' }).warn({ err: new Error('disk full'), tries: 2 }, 'cannot write');
    log.debug('plain');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d WARN {2}store: cannot write tries=2 error=disk full\n$/);
    expect(lines[1]).toMatch(/ debug plain\n$/);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = collect('warn', 'json');
    log.info('no');
    log.error('yes');
    expect(lines).toHaveLength(1);
  });

  it('can keep quiet', () => {
    expect(() => silentLogger.child({ part: 'x' }).error({ a: 1 }, 'nobody hears')).not.toThrow();
  });
});
