import { Registrar } from '../../../signaling/app/registrar';
import type { Binding } from '../../../signaling/app/binding';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';

test('what was granted is what the answer says, whatever fraction of a millisecond the clock shows', () => {
  const clock = new FakeClock();
  const registrar = new Registrar(
    { minExpires: 60, maxExpires: 3600, defaultExpires: 600, maxContacts: 10 },
    { clock, log: silentLogger, locations: { lookup: (): Binding[] => [], apply: (_extension, _change, stored) => stored?.(true) } },
  );
  const headers: Record<string, string> = { contact: '<sip:1001@192.0.2.7>', expires: '120', 'call-id': 'a', cseq: '1 REGISTER' };
  const req = { method: 'REGISTER', uri: 'sip:pbx', source_address: '192.0.2.7', source_port: 5060, protocol: 'udp', get: (name: string) => headers[name.toLowerCase()] };
  const answers = new Set<string | undefined>();
  const extension = { number: '1001', name: null, ha1: { md5: '', sha256: '' }, media: 'anchored' as const, srtp: 'off' as const, recording: 'on-demand' as const, createdAt: 0 };
  for (let i = 0; i < 2000; i++) {
    clock.advance(17.123456789);
    registrar.register(req, { send: (_status, _reason, options) => void answers.add(options.headers['Contact']) }, extension);
  }
  expect([...answers]).toEqual(['<sip:1001@192.0.2.7>;expires=120']);
});
