import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeConfig, loadConfig, sampleFile, settingFlags, settingsHelp, unknownVariables, type ConfigSources } from '../../../signaling/config';
import { rows } from '../../../signaling/config/settings';
import { OffhookError } from '../../../signaling/errors';

const load = (sources: ConfigSources = {}) => loadConfig({ env: {}, cwd: '/srv', ...sources });

function failure(run: () => unknown): OffhookError {
  try {
    run();
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-config-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string, name = 'offhook.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('defaults', () => {
  it('are those of the issue', () => {
    const config = load();
    expect(config.data).toBe('/srv/data');
    expect(config.sip.listen).toEqual([{ host: '0.0.0.0', port: 5060 }]);
    expect(config.drachtio).toBeNull();
    expect(config.registrar).toEqual({ minExpires: 60, maxExpires: 3600, defaultExpires: 600, maxContacts: 10 });
  });

  it('pass their own kinds and come back as written', () => {
    for (const row of rows) {
      const result = row.setting.kind.schema.safeParse(row.setting.kind.write(row.setting.default));
      expect([row.key, result.data]).toEqual([row.key, row.setting.default]);
    }
  });

  it('can be replaced by whoever starts the program, below every other source', () => {
    const defaults = { data: '/elsewhere' };
    expect(load({ defaults }).data).toBe('/elsewhere');
    expect(load({ defaults, env: { OFFHOOK_DATA: 'x' } }).data).toBe('/srv/x');
  });
});

describe('precedence', () => {
  it('is flags, environment, file, default', () => {
    const path = file('sip: { realm: from-file, maxHeaders: 30 }\ncall: { ringSeconds: 30 }\n');
    const config = load({ file: path, env: { OFFHOOK_SIP_REALM: 'from-env', OFFHOOK_SIP_MAX_HEADERS: '40' }, flags: { 'sip.realm': 'from-flag' } });
    expect([config.sip.realm, config.sip.maxHeaders, config.call.ringSeconds, config.call.maxCalls]).toEqual(['from-flag', 40, 30, 2000]);
  });

  it('takes the file that OFFHOOK_CONFIG names unless another one is given', () => {
    const one = file('sip: { realm: one }', 'one.yaml');
    const two = file('sip: { realm: two }', 'two.yaml');
    expect(load({ env: { OFFHOOK_CONFIG: one } }).sip.realm).toBe('one');
    expect(load({ env: { OFFHOOK_CONFIG: one }, file: two }).sip.realm).toBe('two');
  });

  it('makes the data folder absolute: in a file it is relative to the file', () => {
    expect(load({ file: file('data: store') }).data).toBe(join(folder, 'store'));
    expect(load({ flags: { data: 'store' } }).data).toBe('/srv/store');
  });
});

describe('values', () => {
  it.each([
    ['0.0.0.0:5070', [{ host: '0.0.0.0', port: 5070 }]],
    ['127.0.0.1', [{ host: '127.0.0.1', port: 5060 }]],
    ['127.0.0.1:0, [::1]:5080', [{ host: '127.0.0.1', port: 0 }, { host: '::1', port: 5080 }]],
    ['[2001:db8::1]', [{ host: '2001:db8::1', port: 5060 }]],
    ['pbx.example.com:6000', [{ host: 'pbx.example.com', port: 6000 }]],
  ])('sip.listen takes %s', (text, expected) => {
    expect(load({ flags: { 'sip.listen': text } }).sip.listen).toEqual(expected);
  });

  it.each(['', '127.0.0.1:70000', '1.2.3:5060', '::1:5060', '[127.0.0.1]:5060', 'a b:5060', '127.0.0.1:', ':5060', '[::1', 'x..y', '-a'])(
    'sip.listen refuses “%s”',
    (text) => {
      expect(failure(() => load({ flags: { 'sip.listen': text } })).code).toBe('config.bad-value');
    },
  );

  it('takes none as null, and lists and numbers as a file types them', () => {
    const config = load({
      env: { OFFHOOK_MEDIA_BIND6: 'none', OFFHOOK_SIP_EXTERNAL: '' },
      file: file('{"sip": {"listen": ["127.0.0.1:5090"], "localNets": []}, "engine": {"secret": 12345678}}', 'c.json'),
    });
    expect(config.media.bind6).toBeNull();
    expect(config.sip.external).toBeNull();
    expect(config.sip.listen).toEqual([{ host: '127.0.0.1', port: 5090 }]);
    expect(config.sip.localNets).toEqual([]);
    expect(config.engine.secret).toBe('12345678');
  });

  it.each([
    ['sip.localNets', '10.0.0.0/33'],
    ['sip.localNets', '10.0.0.0'],
    ['sip.localNets', 'fc00::/129'],
    ['sip.external', 'not a host'],
    ['sip.realm', 'a"b'],
    ['media.bind4', '::'],
    ['media.backend', 'kernel'],
    ['registrar.maxContacts', '1.5'],
    ['registrar.maxContacts', '0'],
    ['registrar.maxContacts', 'ten'],
    ['call.ringSeconds', '1e2'],
    ['data', ''],
  ])('%s refuses “%s”', (key, text) => {
    const error = failure(() => load({ flags: { [key]: text } }));
    expect(error.code).toBe('config.bad-value');
    expect(error.message).toContain(key);
    expect(error.exitCode).toBe(2);
  });
});

describe('a mistake is one sentence', () => {
  it('naming setting, value, source and what is allowed', () => {
    expect(failure(() => load({ env: { OFFHOOK_REGISTRAR_MAX_CONTACTS: '0' } })).message).toBe(
      'registrar.maxContacts is “0” (from OFFHOOK_REGISTRAR_MAX_CONTACTS), but must be a whole number from 1 to 1000.',
    );
    const path = file('log:\n  level: loud\n');
    expect(failure(() => load({ file: path })).message).toBe(
      `log.level is “loud” (from ${path}), but must be silent, fatal, error, warn, info, debug or trace.`,
    );
    expect(failure(() => load({ flags: { 'sip.listen': 'x y' } })).message).toContain('(from --sip)');
    expect(failure(() => load({ flags: { 'sip.maxHeaders': '1' } })).message).toContain('(from --set)');
  });

  it('never showing a secret', () => {
    const error = failure(() => load({ env: { OFFHOOK_ENGINE_SECRET: 'short' } }));
    expect(error.message).toContain('engine.secret is (hidden)');
    expect(error.message).not.toContain('short');
  });

  it.each([
    ['sip:\n  listne: [127.0.0.1]\n', 'There is no setting sip.listne', 'Did you mean sip.listen?'],
    ['spi:\n  listen: [127.0.0.1]\n', 'There is no setting spi', 'Did you mean sip?'],
    ['sip:\n  maxContacts: 3\n', 'There is no setting sip.maxContacts', 'Did you mean'],
    ['wholly: unrelated\n', 'There is no setting wholly', '“offhook config” lists them all'],
  ])('for an unknown key in a file: %j', (content, says, hint) => {
    const error = failure(() => load({ file: file(content) }));
    expect(error.code).toBe('config.unknown-setting');
    expect(error.message).toContain(says);
    expect(error.message).toContain(hint);
  });

  it.each([
    [{ 'sip.tls': '127.0.0.1' }, 'sip.tls needs sip.tlsCertificates and sip.tlsKeys (--cert FILE --key FILE).'],
    [{ 'sip.wss': '127.0.0.1' }, 'sip.wss needs sip.tlsCertificates and sip.tlsKeys (--cert FILE --key FILE).'],
    [{ 'sip.tlsCertificates': 'a.pem,b.pem', 'sip.tlsKeys': 'a.key' }, 'sip.tlsCertificates names 2 files and sip.tlsKeys 1 file: each certificate needs its key, in the same order.'],
    [{ 'sip.tlsClients': 'require' }, 'sip.tlsClients (require) needs sip.tlsAuthorities, the authorities whose clients are trusted.'],
    [{ 'sip.ws': '0.0.0.0:5060' }, 'sip.listen and sip.ws both name 0.0.0.0 with port 5060: give one of them another.'],
    [{ 'sip.ws': '0.0.0.0:80,0.0.0.0:80' }, 'sip.ws names 0.0.0.0 with port 80 twice.'],
    [{ 'sip.dnsServers': 'ns.example' }, 'sip.dnsServers names ns.example, which is not an IP address: somebody would have to be asked for it.'],
  ])('about transports: %j', (flags, says) => {
    expect(failure(() => load({ flags })).message).toContain(says);
  });

  it.each([
    [{ 'engine.tlsPort': '9023' }, 'engine.tlsPort needs engine.tlsCertificate, engine.tlsKey, and engine.secret'],
    [{ 'engine.tlsCertificate': 'a.pem' }, 'engine.tlsCertificate, engine.tlsKey and engine.tlsAuthorities are for engine.tlsPort, which is not set.'],
    [{ 'engine.control': '127.0.0.1:9022', 'engine.secret': 'long-enough', 'engine.tlsPort': '9022', 'engine.tlsCertificate': 'a.pem', 'engine.tlsKey': 'a.key' }, 'engine.tlsPort (9022) is the port of engine.control'],
    [{ 'engine.handlers': 'INVITE tcp://127.0.0.1:4000' }, 'engine.handlers names an application that listens (tcp, tls), which needs engine.secret'],
    [{ 'engine.handlers': 'INVITE http://a/,invite|MESSAGE http://b/' }, 'engine.handlers names INVITE twice: each method has one request handler.'],
    [{ 'engine.behindBytes': '67108864' }, 'engine.behindBytes (67108864) must not be above engine.maxControlBufferBytes (33554432)'],
    [{ 'capture.address': '127.0.0.1:0' }, 'capture.address needs the port of the collector.'],
    [{ 'engine.handlers': 'http://a/' }, 'METHODS URL'],
    [{ 'engine.handlers': 'INVITE ftp://a/' }, 'METHODS URL'],
    [{ 'engine.handlers': 'INVITE tcp://a' }, 'METHODS URL'],
    [{ 'engine.handlers': 'INVITE http://a/ PUT' }, 'METHODS URL'],
  ])('about the engine: %j', (flags, says) => {
    expect(failure(() => load({ flags })).message).toContain(says);
  });

  it('files of certificates are relative to where they are named', () => {
    const settings = load({ cwd: '/srv', flags: { 'sip.tls': '0.0.0.0', 'sip.tlsCertificates': 'a.pem,/b.pem', 'sip.tlsKeys': 'a.key,b.key' } });
    expect(settings.sip).toMatchObject({ tls: [{ host: '0.0.0.0', port: 5061 }], tlsCertificates: ['/srv/a.pem', '/b.pem'], tlsKeys: ['/srv/a.key', '/srv/b.key'] });
  });

  it.each(rows.map(({ key }) => key))('%s: whatever is given, it is taken, or refused by its name', (key) => {
    const [group, name] = key.split('.');
    const bad = ['', ' ', '-1', '0', '1e99', 'NaN', '1.5', 'no such thing', '\0', '\n', 'ä', '[', '{}', ',', ',,', ':', '::', '99999999999999999999', 'x'.repeat(100_000)];
    const typed = [null, true, -1, 1.5, 1e300, [], [[]], {}, { x: 1 }, [null], ['x'.repeat(10_000)]];
    const outcome = (sources: ConfigSources): string => {
      try {
        load(sources);
        return 'taken';
      } catch (error) {
        const { code = String(error), message } = error as { code?: string; message: string };
        return code === 'config.conflict' || (code === 'config.bad-value' && message.startsWith(`${key} is `)) ? 'refused' : `${code}: ${message}`;
      }
    };
    const outcomes = [
      ...bad.map((value) => [value, outcome({ flags: { [key]: value } })]),
      ...typed.map((value) => [value, outcome({ file: file(JSON.stringify(name === undefined ? { [key]: value } : { [group!]: { [name]: value } })) })]),
    ];
    expect(outcomes.filter(([, what]) => what !== 'taken' && what !== 'refused')).toEqual([]);
    expect(outcomes.some(([, what]) => what === 'refused')).toBe(true);
  });

  it('for an unknown key on the command line', () => {
    expect(failure(() => load({ flags: { 'sip.relm': 'x' } })).message).toBe('There is no setting sip.relm (from --set). Did you mean sip.realm?');
  });

  it.each([
    ['sip: [1, 2', 'config.bad-file'],
    ['- a\n- b\n', 'config.bad-file'],
    ['sip: 5\n', 'config.bad-file'],
    ['sip: {realm: a, realm: b}', 'config.bad-file'],
  ])('for a file that is none: %j', (content, code) => {
    const error = failure(() => load({ file: file(content) }));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('\n');
  });

  it('for a file that cannot be read', () => {
    expect(failure(() => load({ file: '/nowhere/offhook.yaml' })).message).toBe(
      'The configuration file /nowhere/offhook.yaml cannot be read: there is no such file.',
    );
    expect(failure(() => load({ file: folder })).message).toContain('it is a folder');
  });

  it.each([
    [{ 'registrar.minExpires': '700' }, ['registrar.minExpires', 'registrar.defaultExpires']],
    [{ 'registrar.maxExpires': '500' }, ['registrar.maxExpires']],
    [{ 'media.portMin': '20000', 'media.portMax': '20002' }, ['media.portMin', 'media.portMax']],
    [{ 'drachtio.address': '127.0.0.1' }, ['--drachtio-secret']],
    [{ 'drachtio.address': '127.0.0.1:0', 'drachtio.secret': 'x' }, ['drachtio.address']],
    [{ 'engine.control': '0.0.0.0:9022' }, ['engine.control', 'engine.secret']],
    [{ 'sip.listen': '127.0.0.1:5060,127.0.0.1' }, ['sip.listen']],
    [{ 'partyline.port': '20010' }, ['partyline.port', 'media.portMin']],
    [{ 'partyline.port': '5060' }, ['partyline.port', 'sip.listen']],
  ])('for settings that do not go together: %j', (flags, names) => {
    const error = failure(() => load({ flags: flags as Record<string, string> }));
    expect(error.code).toBe('config.conflict');
    for (const name of names) expect(error.message).toContain(name);
  });
});

describe('a drachtio-server of its own', () => {
  it('has the default port 9022', () => {
    expect(load({ flags: { 'drachtio.address': 'sip.example', 'drachtio.secret': 'cymru' } }).drachtio).toEqual({ host: 'sip.example', port: 9022, secret: 'cymru' });
  });

  it('needs no secret of the embedded engine', () => {
    const flags = { 'engine.control': '0.0.0.0:9022', 'drachtio.address': '127.0.0.1', 'drachtio.secret': 'x' };
    expect(load({ flags }).engine.control.host).toBe('0.0.0.0');
  });
});

describe('what is printed from the table', () => {
  it('a sample file that changes nothing, as it is and with every line taken in', () => {
    const defaults = load({ defaults: { data: '/data' } });
    expect(load({ file: file(sampleFile()), defaults: { data: '/data' } })).toEqual(defaults);
    const all = sampleFile().replace(/^(\s*)#(\w+): /gm, '$1$2: ').replace('data: ./data', 'data: /data');
    expect(all.split('\n').filter((line) => /^\s*\w+: \S/.test(line))).toHaveLength(rows.length);
    expect(load({ file: file(all) })).toEqual(defaults);
  });

  it('the settings in force, with where they come from and without secrets', () => {
    const path = file('sip: { realm: mine }');
    const text = describeConfig({ cwd: '/srv', file: path, env: { OFFHOOK_ENGINE_SECRET: 'do-not-show-me' }, flags: { 'sip.listen': '[::1]:5070' } });
    expect(text).toContain('data: /srv/data # default');
    expect(text).toContain(`realm: mine # ${path}`);
    expect(text).toContain('listen: ["[::1]:5070"] # --sip');
    expect(text).toContain('secret: "(hidden)" # OFFHOOK_ENGINE_SECRET');
    expect(text).not.toContain('do-not-show-me');
    expect(load({ file: file(text, 'again.yaml') }).sip.listen).toEqual([{ host: '::1', port: 5070 }]);
  });

  it('a help line for every setting', () => {
    for (const row of rows) expect(settingsHelp()).toContain(`  ${row.key} `);
    expect(settingFlags().map(({ flag }) => flag.split(' ')[0])).toEqual(['--data', '--sip', '--tls', '--ws', '--wss', '--cert', '--key', '--drachtio', '--drachtio-secret', '--app', '--http']);
  });

  it('variables that look like settings and are none', () => {
    expect(unknownVariables({ OFFHOOK_SIP_REALM: 'x', OFFHOOK_CONFIG: 'y', OFFHOOK_SIP_RELM: 'z', PATH: '' })).toEqual(['OFFHOOK_SIP_RELM']);
  });

  it('nothing that nobody reads', () => {
    const folder = join(__dirname, '../../../signaling');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.startsWith('config'));
    const sources = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
    // drachtio's two are put together by config.ts itself.
    const own = rows.filter((row) => row.group !== 'drachtio').map((row) => row.key.split('.').at(-1)!);
    expect(own.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([]);
  });

  it('distinct names of variables', () => {
    expect(new Set(rows.map((row) => row.env)).size).toBe(rows.length);
    expect(rows.find((row) => row.key === 'registrar.maxContacts')?.env).toBe('OFFHOOK_REGISTRAR_MAX_CONTACTS');
  });
});
